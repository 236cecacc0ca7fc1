# Sourced by the scripts that fetch real parts for tests: Debian packages of any suite,
# downloaded through an apt state of their own and unpacked into a folder. Nothing is
# installed, so neither root nor a change to the system is needed.
# shellcheck shell=bash

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Raised when a part's content changes, so that older caches are fetched again.
recipe=1
mirror=
# Of the packages; empty: the machine's own.
architecture=

# cache_folder NAME: where the parts of that name are kept.
cache_folder() {
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/vhost-device-crypto/$1"
}

# The machine's own Debian mirror; other suites are taken from the same place.
find_mirror() {
  local codename
  # shellcheck source=/dev/null
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  # shellcheck disable=SC2016 # apt expands these itself
  mirror="$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$codename" '$2 == codename && $3 == "main" { print $1; exit }')"
  if [ -z "$mirror" ]; then
    echo "apt on this machine names no Debian mirror for its own release" >&2
    return 1
  fi
}

# private_apt FOLDER SUITE...: an apt state that knows these suites only and no
# installed package, so that a dependency is never taken from the host.
private_apt() {
  local folder="$1" suite
  shift
  mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/sources.d" "$folder/preferences.d"
  : >"$folder/status"
  : >"$folder/preferences"
  for suite in "$@"; do
    echo "deb [signed-by=$keyring] $mirror $suite main"
  done >"$folder/sources.list"
  cat >"$folder/apt.conf" <<EOF
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "$folder/sources.d";
Dir::Etc::preferences "$folder/preferences";
Dir::Etc::preferencesparts "$folder/preferences.d";
Dir::State::lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::Cache "$folder";
Dir::Cache::archives "$folder/archives";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Install-Recommends "false";
APT::Sandbox::User "";
EOF
  if [ -n "$architecture" ]; then
    echo "APT::Architecture \"$architecture\"; APT::Architectures { \"$architecture\"; };" >>"$folder/apt.conf"
  fi
  export APT_CONFIG="$folder/apt.conf"
  apt-get -q update
}

# unpack_packages FOLDER SUITE PACKAGE...: these packages, without their dependencies.
unpack_packages() {
  local package
  private_apt "$1/apt" "$2"
  (cd "$1/apt/archives" && apt-get -q download "${@:3}")
  for package in "$1"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$1"
  done
}

have_part() { [ "$(cat "$1/.recipe" 2>/dev/null)" = "$recipe" ]; }

# fetch_part FOLDER FUNCTION ARGUMENT...: lets the function, which gets a folder and the
# arguments, fill a part that appears as FOLDER only whole.
fetch_part() {
  local folder="$1" function="$2" part="$1.part"
  rm -rf "$part"
  mkdir -p "$part"
  # In the background, because bash ignores `set -e` inside a function used as a condition.
  "$function" "$part" "${@:3}" >"$folder.log" 2>&1 &
  if ! wait "$!"; then
    tail -n 20 "$folder.log" >&2
    echo "$folder could not be fetched from $mirror; all output is in $folder.log" >&2
    rm -rf "$part"
    return 1
  fi
  rm -rf "$part/apt" "$folder"
  echo "$recipe" >"$part/.recipe"
  mv "$part" "$folder"
  echo "$folder fetched in ${SECONDS} s"
}

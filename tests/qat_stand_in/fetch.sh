#!/usr/bin/env bash
# Fetches the real libqat and libusdm of Debian 13 (24.02) with their headers, and the
# headers of 26.08, into a cache folder. Nothing is installed: packages are downloaded
# through an apt state of their own and unpacked, so neither root nor a change to the
# system is needed.
set -euo pipefail

cache="${VHOST_CRYPTO_QAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vhost-device-crypto/qat}"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Raised when a part's content changes, so that older caches are fetched again.
recipe=1

# The machine's own Debian mirror; the newer suites are taken from the same place.
find_mirror() {
  local codename
  # shellcheck source=/dev/null
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  # shellcheck disable=SC2016 # apt expands these itself
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$codename" '$2 == codename && $3 == "main" { print $1; exit }'
}

# private_apt FOLDER SUITE: an apt state that knows this suite only.
private_apt() {
  local folder="$1"
  mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/sources.d" "$folder/preferences.d"
  : >"$folder/status"
  : >"$folder/preferences"
  echo "deb [signed-by=$keyring] $mirror $2 main" >"$folder/sources.list"
  cat >"$folder/apt.conf" <<END
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
APT::Sandbox::User "";
END
  export APT_CONFIG="$folder/apt.conf"
  apt-get -q update
}

unpack() { # FOLDER SUITE PACKAGE...
  local package
  private_apt "$1/apt" "$2"
  (cd "$1/apt/archives" && apt-get -q download "${@:3}")
  for package in "$1"/apt/archives/*.deb; do dpkg-deb -x "$package" "$1"; done
  rm -rf "$1/apt"
}

# fetch NAME SUITE PACKAGE...: makes one part, which appears under its name only whole.
fetch() {
  local name="$1" part="$cache/$1.part.$$"
  [ "$(cat "$cache/$name/.recipe" 2>/dev/null)" = "$recipe" ] && return
  rm -rf "$part"
  mkdir -p "$part"
  # In the background, because bash ignores `set -e` inside a function used as a condition.
  unpack "$part" "${@:2}" >"$cache/$name.log" 2>&1 &
  if ! wait "$!"; then
    tail -n 20 "$cache/$name.log" >&2
    echo "fetch.sh: $name could not be fetched; all output is in $cache/$name.log" >&2
    return 1
  fi
  echo "$recipe" >"$part/.recipe"
  rm -rf "${cache:?}/$name"
  mv "$part" "$cache/$name"
  echo "$name fetched"
}

mirror="$(find_mirror)"
if [ -z "$mirror" ]; then
  echo "fetch.sh: apt on this machine names no Debian mirror for its own release" >&2
  exit 1
fi
mkdir -p "$cache"
fetch qat-24.02 trixie libqat4 libusdm0 libqat-dev libusdm-dev
fetch qat-26.08 forky libqat-dev libusdm-dev
echo "all QAT parts are in $cache"

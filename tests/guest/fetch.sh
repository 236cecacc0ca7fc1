#!/usr/bin/env bash
# Fetches the real parts of the guest tests into a cache folder: two QEMUs newer than
# this Debian's own, a kernel with its modules, and a static busybox. Nothing is
# installed: each part is downloaded through an apt state of its own and unpacked into
# a folder of its own, so neither root nor a change to the system is needed.
set -euo pipefail

cache="${VHOST_CRYPTO_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vhost-device-crypto/guest}"
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
  export APT_CONFIG="$folder/apt.conf"
  apt-get -q update
}

fetch_qemu() { # FOLDER SUITE...; the first suite is the one QEMU comes from
  local package
  private_apt "$1/apt" "${@:2}"
  apt-get -q -y install --download-only -t "$2" qemu-system-x86
  for package in "$1"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$1"
  done
}

fetch_linux() { # FOLDER SUITE
  local image
  private_apt "$1/apt" "$2"
  image="$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')"
  (cd "$1/apt/archives" && apt-get -q download "$image")
  dpkg-deb --fsys-tarfile "$1"/apt/archives/linux-image-*.deb |
    tar -x -C "$1" --wildcards './boot/vmlinuz-*' '*/modules.builtin' \
      '*/kernel/crypto/*' '*/kernel/drivers/crypto/virtio/*' '*/kernel/drivers/virtio/*'
}

fetch_busybox() { # FOLDER SUITE
  private_apt "$1/apt" "$2"
  (cd "$1/apt/archives" && apt-get -q download busybox-static)
  dpkg-deb -x "$1"/apt/archives/busybox-static_*.deb "$1"
}

# fetch NAME FUNCTION SUITE...: makes one part, which appears under its name only whole.
fetch() {
  local name="$1" function="$2" part="$cache/$1.part"
  rm -rf "$part" "${cache:?}/$name"
  mkdir -p "$part"
  # In the background, because bash ignores `set -e` inside a function used as a condition.
  "$function" "$part" "${@:3}" >"$cache/$name.log" 2>&1 &
  if ! wait "$!"; then
    tail -n 20 "$cache/$name.log" >&2
    echo "fetch.sh: $name could not be fetched from $mirror; all output is in $cache/$name.log" >&2
    return 1
  fi
  rm -rf "$part/apt"
  echo "$recipe" >"$part/.recipe"
  mv "$part" "$cache/$name"
  echo "$name fetched in ${SECONDS} s"
}

have() { [ "$(cat "$cache/$1/.recipe" 2>/dev/null)" = "$recipe" ]; }

main() {
  local parts=() job status=0
  have qemu-11.1 || parts+=("qemu-11.1 fetch_qemu forky")
  have qemu-10.0 || parts+=("qemu-10.0 fetch_qemu bookworm-backports bookworm")
  have linux || parts+=("linux fetch_linux bookworm-backports")
  have busybox || parts+=("busybox fetch_busybox bookworm")
  if [ "${#parts[@]}" -eq 0 ]; then
    echo "all guest parts are in $cache"
    return
  fi
  mkdir -p "$cache"
  mirror="$(find_mirror)"
  if [ -z "$mirror" ]; then
    echo "fetch.sh: apt on this machine names no Debian mirror for its own release" >&2
    return 1
  fi
  local jobs=()
  for job in "${parts[@]}"; do
    # shellcheck disable=SC2086 # each entry is a name, a function and its suites
    fetch $job &
    jobs+=("$!")
  done
  for job in "${jobs[@]}"; do
    wait "$job" || status=1
  done
  return "$status"
}

main

#!/usr/bin/env bash
# Fetches libIPSec_MB 2.0 and its header from Debian 13 into a cache folder, for the
# tests on an older Debian. Nothing is installed: the packages are downloaded through an
# apt state of their own and unpacked, so neither root nor a change to the system is needed.
set -euo pipefail

cache="${VHOST_CRYPTO_IPSEC_MB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vhost-device-crypto/ipsec-mb-2}"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
library="$cache/usr/lib/x86_64-linux-gnu/libIPSec_MB.so.2"

# The machine's own Debian mirror; the newer suite is taken from the same place.
find_mirror() {
  local codename
  # shellcheck source=/dev/null
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  # shellcheck disable=SC2016 # apt expands these itself
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$codename" '$2 == codename && $3 == "main" { print $1; exit }'
}

private_apt() { # FOLDER MIRROR
  local folder="$1"
  mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/sources.d" "$folder/preferences.d"
  : >"$folder/status"
  : >"$folder/preferences"
  echo "deb [signed-by=$keyring] $2 trixie main" >"$folder/sources.list"
  cat >"$folder/apt.conf" <<CONF
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
CONF
  export APT_CONFIG="$folder/apt.conf"
  apt-get -q update
}

main() {
  local mirror part="$cache.part" package
  if [ -e "$library" ]; then
    echo "libIPSec_MB 2.0 is in $cache"
    return
  fi
  mirror="$(find_mirror)"
  if [ -z "$mirror" ]; then
    echo "fetch.sh: apt on this machine names no Debian mirror for its own release" >&2
    return 1
  fi
  rm -rf "$part" "$cache"
  private_apt "$part/apt" "$mirror"
  (cd "$part/apt/archives" && apt-get -q download libipsec-mb2 libipsec-mb-dev)
  for package in "$part"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$part"
  done
  rm -rf "$part/apt"
  # The library appears under its name only whole.
  mv "$part" "$cache"
  echo "libIPSec_MB 2.0 fetched in ${SECONDS} s"
}

main

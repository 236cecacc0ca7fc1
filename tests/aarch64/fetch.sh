#!/usr/bin/env bash
# fetch.sh DENO_VERSION: fetches what `deno task test:aarch64` needs into a cache folder:
# Deno for aarch64 from npm, Debian's libraries for it, and the emulator that runs them.
set -euo pipefail
# shellcheck source=tests/debian_packages.sh
. "$(dirname "$0")/../debian_packages.sh"

cache="${VHOST_CRYPTO_AARCH64_CACHE:-$(cache_folder aarch64)}"
deno="deno-${1:?the version of Deno}"

# Of Debian 13, linked statically: QEMU 7.2 of Debian 12 has no preadv2, by which the
# device reads kicks.
fetch_emulator() { # FOLDER
  unpack_packages "$1" trixie qemu-user
  find "$1/usr" -not -type d -not -name qemu-aarch64 -delete
  test -x "$1/usr/bin/qemu-aarch64"
}

fetch_libraries() { # FOLDER
  architecture=arm64
  unpack_packages "$1" bookworm libc6 libgcc-s1 libgcrypt20 libgpg-error0 libssl3
}

fetch_deno() { # FOLDER VERSION
  (cd "$1" && npm pack --loglevel=error "@deno/linux-arm64-glibc@$2")
  tar -x -z -f "$1"/*.tgz -C "$1"
  rm "$1"/*.tgz
  test -x "$1/package/deno"
}

# What a part needs to be fetched.
need_command() { # COMMAND PART
  command -v "$1" >/dev/null && return
  echo "$2 cannot be fetched: $1 is not on this machine" >&2
  return 1
}

# In the background, where fetch_part wants `set -e` to hold.
fetch_missing() { # NAME FUNCTION [ARGUMENT]...
  have_part "$cache/$1" && return
  fetch_part "$cache/$1" "${@:2}" &
  jobs+=("$!")
}

main() {
  local jobs=() job status=0
  mkdir -p "$cache"
  if have_part "$cache/$deno" || need_command npm "$deno"; then
    mirror="npm's registry" fetch_missing "$deno" fetch_deno "${deno#deno-}"
  else
    status=1
  fi
  if ! have_part "$cache/emulator" || ! have_part "$cache/libraries"; then
    need_command apt-get "the emulator and the libraries"
    find_mirror
    fetch_missing emulator fetch_emulator
    fetch_missing libraries fetch_libraries
  fi
  for job in "${jobs[@]}"; do
    wait "$job" || status=1
  done
  return "$status"
}

main

#!/usr/bin/env bash
# Fetches the programs that `deno task test:peers` runs in a guest, of two Debians, and a
# kernel with the modules that they need, into a cache folder.
set -euo pipefail
# shellcheck source=tests/debian_packages.sh
. "$(dirname "$0")/../debian_packages.sh"

cache="${VHOST_CRYPTO_PEERS_CACHE:-$(cache_folder peers)}"

unpack_with_dependencies() { # FOLDER PACKAGE...
  local package
  apt-get -q -y install --download-only "${@:2}"
  for package in "$1"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$1"
  done
  # What no program opens.
  rm -rf "$1"/usr/share "$1"/usr/include "$1"/usr/lib/python3*
}

# dpdk-test is in dpdk-dev. Nothing depends on the driver, a plugin whose package has the
# number of the ABI in its name.
fetch_dpdk() { # FOLDER SUITE
  local driver
  private_apt "$1/apt" "$2"
  driver="$(apt-cache search --names-only '^librte-crypto-virtio-?[0-9]+$' | cut -d ' ' -f 1)"
  unpack_with_dependencies "$1" dpdk-dev "$driver"
}

fetch_tools() { # FOLDER SUITE
  private_apt "$1/apt" "$2"
  unpack_with_dependencies "$1" cryptsetup-bin kcapi-tools keyutils openssl stress-ng
}

fetch_linux() { # FOLDER SUITE
  local image
  private_apt "$1/apt" "$2"
  image="$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')"
  (cd "$1/apt/archives" && apt-get -q download "$image")
  dpkg-deb --fsys-tarfile "$1"/apt/archives/linux-image-*.deb |
    tar -x -C "$1" --wildcards './boot/vmlinuz-*' '*/modules.builtin' '*/kernel/crypto/*' \
      '*/kernel/drivers/crypto/virtio/*' '*/kernel/drivers/virtio/*' '*/kernel/drivers/uio/*' \
      '*/kernel/lib/*'
}

main() {
  local jobs=() job status=0 parts=()
  have_part "$cache/linux" || parts+=("linux fetch_linux bookworm-backports")
  have_part "$cache/dpdk-22.11" || parts+=("dpdk-22.11 fetch_dpdk bookworm")
  have_part "$cache/dpdk-25.11" || parts+=("dpdk-25.11 fetch_dpdk forky")
  have_part "$cache/tools" || parts+=("tools fetch_tools bookworm")
  if [ "${#parts[@]}" -eq 0 ]; then
    echo "all peers are in $cache"
    return
  fi
  find_mirror
  mkdir -p "$cache"
  for job in "${parts[@]}"; do
    # shellcheck disable=SC2086 # each entry is a name, a function and its arguments
    fetch_part "$cache"/$job &
    jobs+=("$!")
  done
  for job in "${jobs[@]}"; do
    wait "$job" || status=1
  done
  return "$status"
}

main

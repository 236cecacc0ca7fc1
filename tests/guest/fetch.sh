#!/usr/bin/env bash
# Fetches the real parts of the guest tests into a cache folder: two QEMUs newer than
# this Debian's own, a kernel with its modules, and a static busybox.
set -euo pipefail
# shellcheck source=tests/debian_packages.sh
. "$(dirname "$0")/../debian_packages.sh"

cache="${VHOST_CRYPTO_GUEST_CACHE:-$(cache_folder guest)}"

fetch_qemu() { # FOLDER SUITE...; the first suite is the one QEMU comes from
  local package
  private_apt "$1/apt" "${@:2}"
  apt-get -q -y install --download-only -t "$2" qemu-system-x86
  for package in "$1"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$1"
  done
}

fetch_kernel() { # FOLDER SUITE PATTERN...: with the modules of cryptography and these
  local image
  private_apt "$1/apt" "$2"
  image="$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')"
  (cd "$1/apt/archives" && apt-get -q download "$image")
  dpkg-deb --fsys-tarfile "$1"/apt/archives/linux-image-*.deb |
    tar -x -C "$1" --wildcards './boot/vmlinuz-*' '*/modules.builtin' \
      '*/kernel/crypto/*' "${@:3}"
}

fetch_linux() { # FOLDER SUITE
  fetch_kernel "$@" '*/kernel/drivers/crypto/virtio/*' '*/kernel/drivers/virtio/*'
}

# For guests whose network is looked at.
fetch_linux_net() { # FOLDER SUITE
  fetch_kernel "$@" '*/kernel/net/*' '*/kernel/drivers/net/tun.*' '*/kernel/lib/*'
}

main() {
  local parts=() job status=0
  have_part "$cache/qemu-11.1" || parts+=("qemu-11.1 fetch_qemu forky")
  have_part "$cache/qemu-10.0" || parts+=("qemu-10.0 fetch_qemu bookworm-backports bookworm")
  have_part "$cache/linux" || parts+=("linux fetch_linux bookworm-backports")
  have_part "$cache/linux-net" || parts+=("linux-net fetch_linux_net bookworm-backports")
  have_part "$cache/busybox" || parts+=("busybox unpack_packages bookworm busybox-static")
  if [ "${#parts[@]}" -eq 0 ]; then
    echo "all guest parts are in $cache"
    return
  fi
  find_mirror
  local jobs=()
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

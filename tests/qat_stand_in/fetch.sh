#!/usr/bin/env bash
# Fetches the real libqat and libusdm of Debian 13 (24.02) with their headers, and the
# headers of 26.08, into a cache folder.
set -euo pipefail
# shellcheck source=tests/debian_packages.sh
. "$(dirname "$0")/../debian_packages.sh"

cache="${VHOST_CRYPTO_QAT_CACHE:-$(cache_folder qat)}"

if ! have_part "$cache/qat-24.02" || ! have_part "$cache/qat-26.08"; then
  find_mirror
  fetch_part "$cache/qat-24.02" unpack_packages trixie libqat4 libusdm0 libqat-dev libusdm-dev
  fetch_part "$cache/qat-26.08" unpack_packages forky libqat-dev libusdm-dev
fi
echo "all QAT parts are in $cache"

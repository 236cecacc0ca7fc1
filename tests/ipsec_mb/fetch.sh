#!/usr/bin/env bash
# Fetches libIPSec_MB 2.0 and its header from Debian 13 into a cache folder, for the
# tests on an older Debian.
set -euo pipefail
# shellcheck source=tests/debian_packages.sh
. "$(dirname "$0")/../debian_packages.sh"

cache="${VHOST_CRYPTO_IPSEC_MB_CACHE:-$(cache_folder ipsec-mb-2)}"

if have_part "$cache"; then
  echo "libIPSec_MB 2.0 is in $cache"
else
  find_mirror
  fetch_part "$cache" unpack_packages trixie libipsec-mb2 libipsec-mb-dev
fi

#!/usr/bin/env bash
# Fetches from npm what the tests of packages run: Node, Bun, a bundler, TypeScript, what
# drives a browser, and what the packages depend on. The browser itself is Debian's:
# apt-get install chromium.
set -euo pipefail
# shellcheck source=tests/debian_packages.sh
. "$(dirname "$0")/../debian_packages.sh"

cache="${VHOST_CRYPTO_PACKAGE_CACHE:-$(cache_folder package)}"
programs=(node@22.23.3 bun@1.4.5 esbuild@0.28.2 typescript@5.9.3 playwright-core@1.65.1)
# They only have to be in npm's own cache.
dependencies=(deno@2.9.6 @noble/ciphers@2.4.0 @noble/curves@2.4.0 @noble/hashes@2.4.0 node-forge@1.4.3
  smol-toml@1.9.1 prom-client@15.1.3 @opentelemetry/api@1.10.0 uplot@1.6.32)

fetch_programs() { # FOLDER
  echo '{}' >"$1/package.json"
  npm install --prefix "$1" --no-audit --no-fund --loglevel=error "${programs[@]}" "${dependencies[@]}"
  "$1/node_modules/.bin/node" --version
  "$1/node_modules/.bin/bun" --version
}

# Another list is another part.
recipe="${programs[*]}"
if have_part "$cache"; then
  echo "${programs[*]} are in $cache"
else
  mkdir -p "$(dirname "$cache")"
  mirror="npm's registry" fetch_part "$cache" fetch_programs
fi

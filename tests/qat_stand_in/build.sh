#!/usr/bin/env bash
# Builds the stand-in for libqat and libusdm against the real headers, under the real
# sonames, into a folder of its own: build.sh HEADERS FOLDER. Nothing here talks to
# hardware.
set -euo pipefail

headers="$1"
folder="$2"
here="$(cd "$(dirname "$0")" && pwd)"
flags=(-std=gnu11 -O2 -g -fPIC -shared -pthread -fvisibility=hidden -Wall -Wextra -Werror
  -Wno-deprecated-declarations "-I$headers" "-I$here")

mkdir -p "$folder"
gcc "${flags[@]}" -Wl,-soname,libusdm.so.0 -o "$folder/.libusdm.$$" "$here/usdm.c"
mv "$folder/.libusdm.$$" "$folder/libusdm.so.0"
gcc "${flags[@]}" -Wl,-soname,libqat.so.4 -o "$folder/.libqat.$$" \
  "$here"/{control,ring,instance,symmetric,symmetric_run,primitives,aead,asymmetric,asymmetric_run}.c -lcrypto
mv "$folder/.libqat.$$" "$folder/libqat.so.4"

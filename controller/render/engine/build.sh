#!/usr/bin/env bash
# Build the render engine into a folder.
#
#   controller/render/engine/build.sh BIN_DIR
#
# Nothing is done when the sources have not changed since the last build into BIN_DIR: their hash is the engine's
# version, and stands in a stamp beside it.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: controller/render/engine/build.sh BIN_DIR" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
bin=$(cd "$1" && pwd)
name=shipslog-render
stamp=$bin/.$name.stamp

exec 9>"$bin/.$name.lock"
flock 9 # two runs at once wait for each other
hash=$(cd "$here" && find . \( -name '*.go' ! -name '*_test.go' -o -name 'go.*' -o -name build.sh \) -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
if [ -x "$bin/$name" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "render engine: no 'go' on the PATH: install Go 1.26 or newer (https://go.dev/doc/install) and try again" >&2
    exit 1
fi
begun=$(date +%s)
echo "render engine: building $name (a cold build takes minutes, the next one seconds) ..."
(cd "$here" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$hash" -o "$bin/$name.new" .)
mv "$bin/$name.new" "$bin/$name" # a rename: an engine that runs keeps its file
printf '%s\n' "$hash" >"$stamp"
echo "render engine: $name built, $(($(date +%s) - begun)) s"

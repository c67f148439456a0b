#!/usr/bin/env bash
# Build the helm, kustomize and kubectl commands that the demo uses and that tests run or compare with.
#
#   tests/tools/build.sh BIN_DIR
#
# Their versions are pinned in go.mod beside this file. Nothing is done for a command that was already built from
# these versions into BIN_DIR.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: tests/tools/build.sh BIN_DIR" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
bin=$(cd "$1" && pwd)

exec 9>"$bin/.tools.lock"
flock 9 # two runs at once wait for each other
hash=$(cat "$here/go.mod" "$here/go.sum" "$here/build.sh" "$here/kubectl/main.go" | sha256sum | cut -d' ' -f1)

# build NAME PACKAGE [LINKER FLAGS]
build() {
    local name=$1 stamp=$bin/.$1.stamp begun
    if [ -x "$bin/$name" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then
        return
    fi
    if ! command -v go >/dev/null; then
        echo "tools: no 'go' on the PATH: install Go 1.26 or newer (https://go.dev/doc/install) and try again" >&2
        exit 1
    fi
    begun=$(date +%s)
    echo "tools: building $name ..."
    (cd "$here" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -ldflags "-s -w ${3:-}" \
        -o "$bin/$name.new" "$2")
    mv "$bin/$name.new" "$bin/$name"
    printf '%s\n' "$hash" >"$stamp"
    echo "tools: $name built, $(($(date +%s) - begun)) s"
}

build kustomize sigs.k8s.io/kustomize/kustomize/v5
build helm helm.sh/helm/v4/cmd/helm
build kubectl ./kubectl "-X k8s.io/component-base/version.gitVersion=$(cd "$here" && go list -m -f '{{.Version}}' k8s.io/kubectl | sed s/v0/v1/)"

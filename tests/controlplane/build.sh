#!/usr/bin/env bash
# Build the control plane's two binaries, kube and kwok, and KWOK's stages into a folder.
#
#   tests/controlplane/build.sh BIN_DIR
#
# Nothing is done when the sources have not changed since the last build into BIN_DIR (the stamp
# holds their hash), so that it can be called before every run.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: tests/controlplane/build.sh BIN_DIR" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
bin=$(cd "$1" && pwd)
kubernetes=v1.36.3 # the same as in go.mod; kubectl and Helm parse what the API server says of itself

started() { printf 'control plane: %s ...\n' "$1"; }
finished() { printf 'control plane: %s, %d s\n' "$1" "$(($(date +%s) - begun))"; }

require_go() {
    local found
    found=$(go env GOVERSION 2>/dev/null) || found=none
    case $found in
    none | go1.[0-9] | go1.[0-9].* | go1.1[0-9] | go1.1[0-9].* | go1.20 | go1.20.*)
        echo "control plane: needs Go 1.26 or newer (found: $found): install it (https://go.dev/doc/install) and try again" >&2
        exit 1
        ;;
    esac # from 1.21 on, go itself gets the version that go.mod asks for, or says why it can't
}

# build NAME HASH COMMAND...: run COMMAND unless NAME was built from sources of this HASH.
build() {
    local name=$1 hash=$2 stamp=$bin/.$1.stamp
    shift 2
    if [ -x "$bin/$name" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then
        return
    fi
    require_go
    begun=$(date +%s)
    started "building $name (a cold build takes minutes, the next one seconds)"
    "$@"
    printf '%s\n' "$hash" >"$stamp"
    finished "$name built"
}

hash_of() { cat "$@" "$here/build.sh" | sha256sum | cut -d' ' -f1; }

build_kube() {
    local version=k8s.io/component-base/version
    (cd "$here" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -o "$bin/kube.new" \
        -ldflags "-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=36" .)
    mv "$bin/kube.new" "$bin/kube" # a rename: a control plane that runs keeps its file
}

build_kwok() {
    local stages=$bin/kwok-stages module
    (cd "$here/kwok" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -ldflags "-s -w" \
        -o "$bin/kwok.new" sigs.k8s.io/kwok/cmd/kwok)
    module=$(cd "$here/kwok" && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)
    rm -rf "$stages" && mkdir -p "$stages"
    for set in node/fast node/heartbeat-with-lease pod/fast volume/fast; do
        for stage in "$module/kustomize/stage/$set"/*.yaml; do
            case $stage in */kustomization.yaml | */storage-class.yaml) ;; *) install -m 644 "$stage" "$stages/" ;; esac
        done
    done
    mv "$bin/kwok.new" "$bin/kwok"
}

exec 9>"$bin/.controlplane.lock"
flock 9 # two runs at once wait for each other
build kwok "$(hash_of "$here"/kwok/go.mod "$here"/kwok/go.sum)" build_kwok
build kube "$(hash_of "$here"/go.mod "$here"/go.sum "$here"/main.go)" build_kube

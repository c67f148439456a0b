#!/usr/bin/env bash
# Put Prometheus and promtool into a folder, from Debian's package, without root and without installing anything.
#
#   tests/ground/prometheus.sh BIN_DIR
#
# Nothing is done when both are there. A prometheus and promtool on the PATH are used instead of the package.
# apt's own lists are used where the package can be had by them; else lists of our own are made for this one time.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: tests/ground/prometheus.sh BIN_DIR" >&2
    exit 2
fi
mkdir -p "$1"
bin=$(cd "$1" && pwd)

present() { [ -x "$bin/prometheus" ] && [ -x "$bin/promtool" ]; }
fail() {
    echo "prometheus: $1: put prometheus and promtool (2.42 or newer) on the PATH and try again" >&2
    exit 1
}

exec 9>"$bin/.prometheus.lock"
flock 9 # two runs at once wait for each other
present && exit 0

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    ln -sf "$(command -v prometheus)" "$(command -v promtool)" "$bin/"
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "this is no Debian"

begun=$(date +%s)
echo "prometheus: fetching Debian's package (about 50 MB) ..."
work=$(mktemp -d "$bin/.prometheus.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/log

# apt_get ARGUMENTS...: apt-get with lists and caches of our own, which needs no root.
apt_get() {
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    apt-get -q -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=3 "$@"
}

download() { (cd "$work" && "$@" download prometheus) >>"$log" 2>&1; }

if ! download apt-get -q -o APT::Sandbox::User="$(id -un)"; then
    apt_get -o APT::Update::Error-Mode=any update >>"$log" 2>&1 || fail "apt-get update failed ($(tail -n 1 "$log"))"
    download apt_get || fail "apt-get download prometheus failed ($(tail -n 1 "$log"))"
fi
dpkg-deb -x "$work"/prometheus_*.deb "$work/root"
for program in prometheus promtool; do
    [ -x "$work/root/usr/bin/$program" ] || fail "Debian's package holds no $program"
    mv "$work/root/usr/bin/$program" "$bin/$program"
done
printf 'prometheus: %s ready, %d s\n' "$("$bin/promtool" --version 2>&1 | sed -n '1s/.*version \([^ ]*\).*/\1/p')" \
    "$(($(date +%s) - begun))"

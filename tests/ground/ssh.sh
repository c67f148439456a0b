#!/usr/bin/env bash
# Put an SSH server, and the ssh and gpg commands where the machine has none, into a folder: from Debian's packages,
# without root and without installing anything.
#
#   tests/ground/ssh.sh BIN_DIR
#
# Each program is a script that finds its libraries beside it, in BIN_DIR/ssh-packages. Nothing is done when all are there.
# apt's own lists are used where the packages can be had by them; else lists of our own are made for this one time.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: tests/ground/ssh.sh BIN_DIR" >&2
    exit 2
fi
mkdir -p "$1"
bin=$(cd "$1" && pwd)
root=$bin/ssh-packages

present() { [ -x "$root/usr/sbin/sshd" ] && have ssh && have ssh-keygen && have ssh-keyscan && have gpg; }
have() { [ -x "$bin/$1" ] || command -v "$1" >/dev/null; }
fail() {
    echo "ssh: $1: install openssh-server, openssh-client, libnss-wrapper and gnupg and try again" >&2
    exit 1
}

exec 9>"$bin/.ssh.lock"
flock 9 # two runs at once wait for each other
present && exit 0

# own: use an installed server, and the library that gives it users of its own, where both are there.
own() {
    local sshd wrapper
    sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) || return 1
    wrapper=$(find -L /usr/lib /usr/lib64 /usr/local/lib -name libnss_wrapper.so -print -quit 2>/dev/null)
    [ -n "$wrapper" ] || return 1
    mkdir -p "$root/usr/sbin" "$root/usr/lib"
    ln -sf "$sshd" "$root/usr/sbin/sshd"
    ln -sf "$wrapper" "$root/usr/lib/libnss_wrapper.so"
}
own && present && exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "this is no Debian"

# The second line is what the server needs and small systems lack; the others stand with the programs they are for.
packages=(openssh-server libnss-wrapper
    libwrap0)
have ssh && have ssh-keygen && have ssh-keyscan || packages+=(openssh-client libedit2 libbsd0 libmd0 libcbor0.8 libfido2-1 libgssapi-krb5-2
    libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1)
have gpg || packages+=(gpg gpg-agent gpgconf libassuan0 libgcrypt20 libgpg-error0 libnpth0 libreadline8 libsqlite3-0)

begun=$(date +%s)
echo "ssh: fetching Debian's packages (${packages[*]}) ..."
work=$(mktemp -d "$bin/.ssh.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/log

# apt_get ARGUMENTS...: apt-get with lists and caches of our own, which needs no root.
apt_get() {
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    apt-get -q -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=3 "$@"
}

download() { (cd "$work" && "$@" download "${packages[@]}") >>"$log" 2>&1; }

if ! download apt-get -q -o APT::Sandbox::User="$(id -un)"; then
    apt_get -o APT::Update::Error-Mode=any update >>"$log" 2>&1 || fail "apt-get update failed ($(tail -n 1 "$log"))"
    download apt_get || fail "apt-get download failed ($(tail -n 1 "$log"))"
fi
for package in "$work"/*.deb; do
    dpkg-deb -x "$package" "$work/root"
done

# script NAME: run it with the libraries that came with it behind the machine's own.
script() {
    printf '#!/bin/sh\nexport LD_LIBRARY_PATH="%s"\nexec "%s" "$@"\n' "$libraries" "$root/usr/bin/$1" >"$bin/$1"
    chmod +x "$bin/$1"
}

[ -x "$work/root/usr/sbin/sshd" ] || fail "Debian's package holds no sshd"
rm -rf "$root"
mv "$work/root" "$root"
libraries=$(find "$root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
for program in ssh ssh-keygen ssh-keyscan gpg gpg-agent gpgconf; do
    [ ! -x "$root/usr/bin/$program" ] || script "$program"
done
echo "ssh: ready, $(($(date +%s) - begun)) s"

#!/usr/bin/env bash
# Run the unit tests on the newest Python at hand, in an environment of its own (.venv-newest).
#
#   tests/unit/newest_python.sh [PYTEST_ARGUMENT ...]
#
# Looked for on the PATH and among pyenv's versions. Without one that is newer than .venv's, that is said, and .venv's
# own run is the newest there is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

ours=$(version .venv/bin/python)
newest= found=
shopt -s nullglob
for minor in 15 14 13 12; do
    for candidate in "$(command -v "python3.$minor" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python3."$minor"; do
        if [ -n "$candidate" ] && [ "$(version "$candidate")" = "3.$minor" ]; then
            newest=$candidate found=3.$minor
            break 2
        fi
    done
done
if [ -z "$newest" ] || [ "$found" = "$ours" ]; then
    echo "python: $ours is the newest at hand, and its tests have run"
    exit 0
fi
stamp=.venv-newest/.ready-$found-$(sha256sum requirements/dev.txt | cut -c1-16)
if [ ! -e "$stamp" ]; then
    echo "python: installing the locked packages for Python $found into .venv-newest ..."
    begun=$SECONDS
    "$newest" -m venv --clear .venv-newest
    .venv-newest/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
    .venv-newest/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
    touch "$stamp"
    echo "python: installed, $((SECONDS - begun)) s"
fi
echo "python: unit tests on Python $found"
exec .venv-newest/bin/python -m pytest -q "$@" tests/unit

"""`python -m docs.generator [--check]`."""

from __future__ import annotations

import sys

from docs.generator.artifacts import stale, write


def main(arguments: list[str]) -> int:
    """Write what is stale, or with `--check` only name it; exit code 1 when something was to be named."""
    check = arguments == ["--check"]
    if arguments and not check:
        sys.stderr.write("usage: python -m docs.generator [--check]\n")
        return 2
    for path in (paths := stale() if check else write()):
        sys.stdout.write(f"{path} is stale: run python -m docs.generator\n" if check else f"wrote {path}\n")
    return int(check and bool(paths))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

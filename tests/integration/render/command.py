"""The commands whose results ours must equal, and what they print, read as we read plain YAML."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.render import Renderer, RenderRequest
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXTURES = Path(__file__).parent / "fixtures"
BIN = Path(__file__).parents[3] / ".tools" / "bin"


async def run(name: str, *arguments: str | Path, home: Path, cwd: Path | None = None) -> tuple[int, str, str]:
    """Run one of the tools built by tests/tools/build.sh; return exit status, stdout and stderr."""
    binary = BIN / name
    assert binary.is_file(), f"{binary} is missing: build it with tests/tools/build.sh .tools/bin"
    process = await asyncio.create_subprocess_exec(
        binary,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"HOME": str(home)},
        cwd=cwd,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def objects_of(text: str, renderer: Renderer) -> list[dict[str, Any]]:
    """Read YAML that a command printed."""
    rendered = await renderer.render(MemoryTree({"printed.yaml": text}), RenderRequest(root=".", kind="plain"))
    return [one.body for one in rendered.objects]


def names(objects: Sequence[dict[str, Any]]) -> list[str]:
    """Say what objects there are, for a readable difference."""
    return [f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}" for one in objects]

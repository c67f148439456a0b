"""Lines of a stream, however it is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.kube.errors import ServerError
from controller.kube.lines import Lines


class Chunks:
    """A stream that arrives in these chunks."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = [chunk for chunk in chunks if chunk]

    async def readany(self) -> bytes:
        """The next one; empty at the end."""
        return self._chunks.pop(0) if self._chunks else b""


async def read(*chunks: bytes, limit: int = 1 << 20) -> list[bytes]:
    """All lines."""
    stream: Any = Chunks(*chunks)
    return [line async for line in Lines(stream, limit)]


@given(st.lists(st.binary(max_size=6).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.data())
async def test_lines_are_the_same_however_the_stream_is_cut(content: list[bytes], data: st.DataObject) -> None:
    """Every cut, empty lines left out."""
    stream = b"".join(line + b"\n" for line in content)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert await read(*chunks) == [line for line in content if line]


async def test_a_torn_last_line_is_left_out() -> None:
    """It is no event."""
    assert await read(b"one\ntw") == [b"one"]


@pytest.mark.parametrize("chunks", [(b"x" * 11,), (b"x" * 6, b"x" * 6), (b"a\n" + b"x" * 11,)])
async def test_a_line_beyond_the_limit_is_an_error(chunks: tuple[bytes, ...]) -> None:
    """Before it is whole."""
    with pytest.raises(ServerError, match="longer than 10 bytes"):
        await read(*chunks, limit=10)

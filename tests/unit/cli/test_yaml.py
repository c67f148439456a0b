from __future__ import annotations

from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from controller.cli import yaml

TEXT = st.text("ab01 :#-'\"\\\n\t\r\x00\x85\u2028\ufeffé🚢{}[]&*!|>%@`,?~=", max_size=12)
WORDS = st.sampled_from(
    ["yes", "No", "ON", "y", "n", "null", "~", "1e3", "010", "0x1F", "1_000", ".5", "12:30", "2020-01-01"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_written_is_read_again(value: Any) -> None:
    """By a reader of YAML 1.1, for which `yes` is a boolean and `010` is eight."""
    assert pyyaml.safe_load(yaml.dump(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": {"b": [1, {"c": "d", "e": [2]}]}}, "a:\n  b:\n  - 1\n  - c: d\n    e:\n    - 2\n"),
        ({"a": {}, "b": [], "c": None, "d": True}, "a: {}\nb: []\nc: null\nd: true\n"),
        ({"a": "one\ntwo\n"}, "a: |\n  one\n  two\n"),
        ({"a": "one\n\n  two"}, "a: |-\n  one\n\n    two\n"),
        (["one\ntwo\n"], "- |\n  one\n  two\n"),
        ([[1, 2], []], "- - 1\n  - 2\n- []\n"),
        ({"a": "yes", "y": "1e3"}, 'a: "yes"\n"y": "1e3"\n'),
        ({"a": " b"}, 'a: " b"\n'),
        ({"a": "\u2028"}, 'a: "\\u2028"\n'),
        ([], "[]\n"),
        ([5e-324, 1e30, 1.5, 2], "- 5.0e-324\n- 1.0e+30\n- 1.5\n- 2\n"),
    ],
)
def test_it_reads_as_people_write_it(value: Any, text: str) -> None:
    """Blocks for what has lines, quotes only where a reader could be misled."""
    assert yaml.dump(value) == text


def test_a_stream_has_a_line_between_documents() -> None:
    """As kubectl takes it."""
    assert yaml.dump_all([{"a": 1}, {"b": 2}]) == "a: 1\n---\nb: 2\n"

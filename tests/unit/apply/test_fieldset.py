"""Sets of fields as managedFields writes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.apply.fieldset import fields_v1, paths, without

_NAMES = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "v:1", "i:0"])
_PATHS = st.frozensets(st.lists(_NAMES, min_size=1, max_size=4).map(tuple), max_size=8)


@given(_PATHS)
def test_a_set_is_written_and_read_back(members: frozenset[tuple[str, ...]]) -> None:
    """Also where a member stands above another."""
    assert paths(fields_v1(members)) == members


def test_a_field_that_nobody_keeps_goes() -> None:
    """A leaf whatever it holds; a container when it is empty; an item of a list as a whole unless part of it stays."""
    body = {
        "data": {"a": "1", "b": "2"},
        "spec": {
            "template": {"x": 1},
            "ports": [{"port": 1, "protocol": "TCP"}, {"port": 2, "name": "two"}],
            "flags": ["one", "two"],
        },
    }
    gone = [
        ("f:data", "f:a"),
        ("f:spec", "f:template"),
        ("f:spec", "f:ports", 'k:{"port":1}'),
        ("f:spec", "f:ports", 'k:{"port":1}', "f:port"),
        ("f:spec", "f:ports", 'k:{"port":2}'),
        ("f:spec", "f:ports", 'k:{"port":2}', "f:name"),
        ("f:spec", "f:flags", 'v:"one"'),
        ("f:absent", "f:deeper"),
    ]
    kept = [("f:spec", "f:ports", 'k:{"port":2}', "f:port")]

    assert without(body, gone, kept) == {"data": {"b": "2"}, "spec": {"ports": [{"port": 2}], "flags": ["two"]}}
    assert body["data"] == {"a": "1", "b": "2"}

"""Objects as bytes."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from controller.kube.errors import Invalid
from controller.kube.payload import encode, encode_apply

# A lone surrogate is no text: the engine's JSON can't hold one.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT)
def test_an_apply_means_the_same_when_it_is_read_as_yaml(key: str, value: str) -> None:
    """Keys and values, whatever characters they hold."""
    body = {"a" + key: value}

    assert yaml.safe_load(encode_apply(body, "x").decode()) == body


@pytest.mark.parametrize("value", [2**64, object(), {1: "a"}, "\ud800"])
def test_what_has_no_form_in_json_is_the_objects_fault(value: object) -> None:
    """The value is not quoted."""
    with pytest.raises(Invalid, match="ConfigMap here/one") as refused:
        encode({"a": value}, "ConfigMap here/one")

    assert str(2**64) not in str(refused.value)

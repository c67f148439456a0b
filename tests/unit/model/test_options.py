from __future__ import annotations

import pytest

from controller.model.options import options_of


def test_every_annotation_that_says_nothing_known_is_named() -> None:
    """All in one: the second would else be found out about by the next commit."""
    annotations = {"shipslog.dev/prune": "no", "shipslog.dev/sync": "nevr", "shipslog.dev/replace": "allowed"}

    with pytest.raises(
        ValueError, match=r"shipslog.dev/prune is 'no'.*; annotation shipslog.dev/sync is 'nevr'"
    ) as wrong:
        options_of({"metadata": {"annotations": annotations}})

    assert "replace" not in str(wrong.value)

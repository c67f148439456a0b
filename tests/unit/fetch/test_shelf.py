"""Which mirrors make room."""

from __future__ import annotations

from controller.fetch.shelf import Shelf

USED = {"a": 3.0, "b": 1.0, "c": 2.0}


def _full() -> Shelf:
    shelf = Shelf(100)
    for name in USED:
        shelf.put(name, 40)
    return shelf


def test_who_was_not_used_for_longest_goes_first_and_no_more_than_needed() -> None:
    """Three of 40 bytes are over 100; one less is not."""
    assert _full().victims(USED, "a") == ["b"]


def test_the_one_that_room_is_made_for_stays() -> None:
    """However long ago it was used."""
    assert _full().victims(USED, "b") == ["c"]


def test_when_all_fit_nobody_goes_unless_the_disk_is_full() -> None:
    """A volume may be smaller than the limit says."""
    shelf = _full()
    shelf.put("c", 0)

    assert shelf.size == 80
    assert shelf.victims(USED, "a") == []
    assert shelf.victims(USED, "a", at_least=1) == ["b"]


def test_who_may_not_go_is_not_asked() -> None:
    """One larger than all room empties the shelf but for those that must stay."""
    shelf = _full()
    shelf.put("d", 500)

    assert shelf.victims({"a": 1.0, "d": 2.0}, "d") == ["a"]

"""The cache is bounded."""

from __future__ import annotations

from controller.fetch.cache import Cache


def test_what_was_not_used_for_longest_goes_first() -> None:
    """Weights never add up to more than the limit."""
    cache: Cache[str] = Cache(16)
    for name in "abcdefgh":
        cache.put(name, name, 2)
    assert cache.get("a") == "a"
    cache.put("i", "i", 2)

    assert cache.get("b") is None
    assert cache.get("a") == "a"
    assert len(cache) == 8


def test_one_large_value_does_not_push_out_all_others() -> None:
    """It is not kept."""
    cache: Cache[str] = Cache(16)
    cache.put("large", "x", 3)

    assert cache.get("large") is None

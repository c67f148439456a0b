"""History that was rewritten, by a force-push or a moved tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from controller.fetch.mirror import Mirror


class Rewrite(NamedTuple):
    """A ref that was moved to a commit which does not follow from the one before: a force-push or a moved tag."""

    ref: str
    """Full name."""
    old: str
    new: str
    """Commit ids."""


async def rewritten(mirror: Mirror, name: str, old: str, new: str) -> Rewrite | None:
    """Whether a ref that means `new` now does not follow from `old`, which the mirror may have lost.

    Raises:
        GitFailure: git can't be asked.
    """
    if old == new or (not name.startswith("refs/tags/") and await mirror.is_ancestor(old, new)):
        return None
    olds, news = await mirror.commit(old), await mirror.commit(new)
    return Rewrite(name, olds.sha if olds else old, news.sha if news else new)

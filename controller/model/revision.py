"""A commit, as a ref named it at some moment."""

from __future__ import annotations

from typing import Annotated

import msgspec

from controller.model.base import Noun


class Revision(Noun, frozen=True, kw_only=True):
    """What Git says: the commit a ref points to."""

    sha: Annotated[str, msgspec.Meta(description="Object id of the commit, in full.")] = ""
    ref: Annotated[str, msgspec.Meta(description="The ref that named it, as in refs/heads/main.")] = ""
    author: Annotated[str, msgspec.Meta(description="Author as the commit says, with mail address.")] = ""
    message: Annotated[str, msgspec.Meta(description="First line of the commit's message.")] = ""
    committed_at: Annotated[str, msgspec.Meta(description="Committer time, RFC 3339 in UTC.")] = ""

"""A commit, as a ref named it at some moment."""

from __future__ import annotations

from typing import Annotated

import msgspec

from controller.model.base import Noun


class Signature(Noun, frozen=True, kw_only=True):
    """A good signature by one of the keys that the Repository names."""

    mode: Annotated[str, msgspec.Meta(description="What was checked: head, tag or tagAndHead.")] = ""
    signer: Annotated[str, msgspec.Meta(description="Whose key: user id (OpenPGP), or name in the Secret (SSH).")] = ""
    fingerprint: Annotated[str, msgspec.Meta(description="Fingerprint of the key.")] = ""


class Revision(Noun, frozen=True, kw_only=True):
    """What Git says: the commit a ref points to."""

    sha: Annotated[str, msgspec.Meta(description="Object id of the commit, in full.")] = ""
    ref: Annotated[str, msgspec.Meta(description="The ref that named it, as in refs/heads/main.")] = ""
    author: Annotated[str, msgspec.Meta(description="Author as the commit says, with mail address.")] = ""
    message: Annotated[str, msgspec.Meta(description="First line of the commit's message.")] = ""
    committed_at: Annotated[str, msgspec.Meta(description="Committer time, RFC 3339 in UTC.")] = ""
    signature: Annotated[
        Signature | None, msgspec.Meta(description="The signature that was checked; none where none was asked for.")
    ] = None

"""The fates of a failure, as types.

```text
ShipslogError                  has a message that names object and field, and a remedy
├── Terminal                   trying again can't help until the input changes: Stalled
│   └── Unchangeable           only a replacement of the object could do it
├── Transient                  may pass by itself: try again with backoff
│   └── Unreachable            the other side did not answer at all
└── NotReady                   nothing is wrong: come back later, or when something happens
```
Each edge (kube, record, fetch, render) derives its own errors from these, so that the loop decides by fate alone.
"""

from __future__ import annotations

from collections.abc import Sequence

_PLAIN = {"Terminal": "Rejected", "Transient": "Failed", "Server": "ServerError"}


class ShipslogError(Exception):
    """Anything we say went wrong; `remedy` tells the reader what to do about it.

    `underlying` are the words for the errors that this one sums up.
    """

    def __init__(self, message: str, *, remedy: str = "", underlying: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.underlying = tuple(underlying)

    @property
    def cause(self) -> str:
        """One word for programs: the name of the error, of all of them where they have the same."""
        if len(set(self.underlying)) == 1:
            return self.underlying[0]
        name = type(self).__name__.removesuffix("Error")
        return _PLAIN.get(name, name)

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class Terminal(ShipslogError):
    """Stop until the spec or the revision changes."""


class Unchangeable(Terminal):
    """Fields of a live object can't be changed in place."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The paths of these fields."""
        raise NotImplementedError


class Transient(ShipslogError):
    """Back off and try again."""


class Unreachable(Transient):
    """The other side did not answer."""


class NotReady(ShipslogError):
    """Come back after `after` seconds."""

    def __init__(self, message: str, *, after: float, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.after = after

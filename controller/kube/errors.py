"""What can go wrong between us and an API server.

```text
ApiError                the server answered with an error; `answer` holds what it said
├── Invalid             Terminal    400, 413, 422: the object is wrong; `answer.causes` name the fields
│   └── Immutable                   422: nothing is wrong but that the fields can't be changed on the live object
├── Denied              Terminal    an admission webhook or policy said no; `by` names it
├── OwnedByOthers       Terminal    409 of an apply without force: `conflicts` name fields and their managers
├── Forbidden           Terminal    403: names the verb, resource and namespace that a role must allow
├── Unsupported         Terminal    405, 406, 415: the server can't do this
├── HeldBack            Transient   403 that passes by itself
│   ├── QuotaExceeded               a quota is used up
│   └── Terminating                 the namespace is being deleted
├── Unauthorized        Transient   401: the credentials are not, or no longer, accepted
├── NotFound            Transient   404: the object, or something it needs, is not there
│   └── NamespaceMissing            the namespace is not there
├── KindUnknown         Transient   the kind is not served: its CRD may be installed a moment later
├── Conflict            Transient   409: another write was faster, or a precondition failed
│   └── AlreadyExists
├── Gone                Transient   410: that resourceVersion is compacted
├── Throttled           NotReady    429: come back after `after` seconds
└── ServerError         Transient   5xx, and answers that make no sense
    ├── ServerTimeout               408, 504: the server gave up
    └── WebhookFailed               500: an admission webhook that must be asked did not answer; `by` names it
Unreachable             Transient   no answer at all: refused, reset, TLS
└── TimedOut                        no answer in time: what was asked may still happen
AccessError             Terminal    the way in (kubeconfig, ServiceAccount) is wrong; names the field
```
The class's name is the reason in conditions, records and metrics, so there are as many reasons as classes.
No error quotes a value of a Secret: for that kind only field paths and reasons are taken over.
"""

from __future__ import annotations

import msgspec

from controller import errors as fates

MESSAGE_LIMIT = 1024
"""Longest message taken over from a server, in characters."""
CAUSES_LIMIT = 32
"""Most causes taken over from a server."""


def bounded(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """The text, cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Cause(msgspec.Struct, frozen=True):
    """One reason among several: `field` is a path such as `spec.replicas` (metav1.StatusCause)."""

    field: str = ""
    reason: str = ""
    message: str = ""
    immutable: bool = False
    """The field can't be changed once it is set."""


class Answer(msgspec.Struct, frozen=True):
    """What the server said (metav1.Status), bounded. `retry_after` is in seconds."""

    status: int = 0
    reason: str = ""
    message: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after: float = 0.0
    name: str = ""
    """Name of the object that the answer is about; empty when the whole path is unknown."""


class ApiError(fates.ShipslogError):
    """The server answered with an error."""

    def __init__(self, message: str, *, remedy: str = "", answer: Answer | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.answer = answer or Answer()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status

    @property
    def reason(self) -> str:
        """The machine-readable reason (metav1.StatusReason)."""
        return self.answer.reason

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The fields at fault, as far as the server named them."""
        return self.answer.causes


class Invalid(ApiError, fates.Terminal):
    """The server refused the object itself."""


class Immutable(Invalid, fates.Unchangeable):
    """Fields that can't be changed on the live object, and nothing else, stand in the way."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The paths of these fields, as the server names them."""
        return tuple(cause.field for cause in self.causes)


class Denied(ApiError, fates.Terminal):
    """An admission webhook or policy said no; `by` is its name."""

    def __init__(self, message: str, *, remedy: str = "", answer: Answer | None = None, by: str = "") -> None:
        super().__init__(message, remedy=remedy, answer=answer)
        self.by = by


class Forbidden(ApiError, fates.Terminal):
    """A role must allow `verb` on `resource` first, or an admission rule said no (then all are empty).

    `namespace` is empty for what concerns the whole cluster.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        answer: Answer | None = None,
        verb: str = "",
        resource: str = "",
        namespace: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy, answer=answer)
        self.verb = verb
        self.resource = resource
        self.namespace = namespace


class Unsupported(ApiError, fates.Terminal):
    """The server can't do what was asked for this kind."""


class HeldBack(ApiError, fates.Transient):
    """Forbidden for now."""


class QuotaExceeded(HeldBack):
    """A quota is used up."""


class Terminating(HeldBack):
    """The namespace is being deleted."""


class Unauthorized(ApiError, fates.Transient):
    """The credentials are not accepted."""


class NotFound(ApiError, fates.Transient):
    """The object, or one it needs, is not there."""


class NamespaceMissing(NotFound):
    """The namespace is not there."""


class KindUnknown(ApiError, fates.Transient):
    """The server does not serve this kind in this version."""


class FieldConflict(msgspec.Struct, frozen=True):
    """A field that another manager owns (KEP-555)."""

    manager: str
    field: str


class OwnedByOthers(ApiError, fates.Terminal):
    """Fields belong to other managers, and were not to be taken from them."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        answer: Answer | None = None,
        conflicts: tuple[FieldConflict, ...] = (),
    ) -> None:
        super().__init__(message, remedy=remedy, answer=answer)
        self.conflicts = conflicts


class Conflict(ApiError, fates.Transient):
    """Another write was faster, or a precondition failed."""


class AlreadyExists(Conflict):
    """An object of this name is there."""


class Gone(ApiError, fates.Transient):
    """The server no longer knows that resourceVersion."""


class Throttled(ApiError, fates.NotReady):
    """The server asks us to come back after `after` seconds (API priority and fairness)."""

    def __init__(self, message: str, *, after: float, remedy: str = "", answer: Answer | None = None) -> None:
        fates.NotReady.__init__(self, message, after=after, remedy=remedy)
        self.answer = answer or Answer()


class ServerError(ApiError, fates.Transient):
    """The server failed, or said something that makes no sense."""


class ServerTimeout(ServerError):
    """The server gave up: what was asked may still have been done."""


class WebhookFailed(ServerError):
    """An admission webhook that must be asked did not answer; `by` is its name."""

    def __init__(self, message: str, *, remedy: str = "", answer: Answer | None = None, by: str = "") -> None:
        super().__init__(message, remedy=remedy, answer=answer)
        self.by = by


class Unreachable(fates.Unreachable):
    """No answer: refused, reset, or TLS failed."""


class TimedOut(Unreachable):
    """No answer in time: what was asked may still happen."""


class AccessError(fates.Terminal):
    """The way in is wrong. `field` names the part, such as `users[name=ci].user.exec`."""

    def __init__(self, message: str, *, remedy: str = "", field: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.field = field

"""From a server's answer (metav1.Status) to an error of ours. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import orjson

from controller.kube.errors import (
    CAUSES_LIMIT,
    AlreadyExists,
    Answer,
    ApiError,
    Cause,
    Conflict,
    FieldConflict,
    Forbidden,
    Gone,
    HeldBack,
    Invalid,
    NotFound,
    ServerError,
    Throttled,
    Unauthorized,
    Unsupported,
    bounded,
)

if TYPE_CHECKING:
    from controller.kube.request import Request

_FIELD_LIMIT = 256
_DENIED = re.compile(r'cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?')
_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')
# An apply of the wrong type is answered with status 500 and neither reason nor cause, though the object is at fault.
_MISTYPED = re.compile(r"failed to (?:create typed patch object|convert new object) \(.*?\)(?: to proper version)?: ")
_FIELD = re.compile(r"^\s*\.([^:\n]+): (.*)", re.MULTILINE)
_RETRY_DEFAULT = 1.0  # seconds, as client-go
_RETRY_LONGEST = 300.0


class StatusCause(msgspec.Struct, frozen=True):
    """metav1.StatusCause."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(msgspec.Struct, frozen=True):
    """metav1.StatusDetails."""

    name: str = ""
    causes: list[StatusCause] | None = None
    retry_after: float | None = msgspec.field(default=None, name="retryAfterSeconds")


class Status(msgspec.Struct, frozen=True):
    """metav1.Status, as far as we read it. The empty one stands for an answer that was none."""

    kind: str = ""
    reason: str = ""
    message: str = ""
    code: int = 0
    details: StatusDetails | None = None


def status_in(content: object) -> Status:
    """The Status that a decoded answer is; an empty one where it is anything else, whose text must not be quoted."""
    try:
        status = msgspec.convert(content, Status)
    except msgspec.ValidationError:
        return Status()
    return status if status.kind == "Status" else Status()


def error_of(request: Request, status: int, body: bytes, retry_after: str = "") -> ApiError:
    """The error for an answer that is not a success; `retry_after` is the header of that name."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = None
    return error_of_status(request, status, status_in(content), retry_after)


def error_of_status(request: Request, status: int, content: Status, retry_after: str = "") -> ApiError:
    """The error for a Status."""
    answer = _answer(request, status, content, retry_after)
    what = f"{request.verb} {request.about}".strip()
    message = f"{what}: {answer.message or _unsaid(answer)}"
    if status == 403:
        return _forbidden(message, answer, content)
    if status == 409:
        return _conflict(message, answer)
    if status == 429:
        return Throttled(message, after=answer.retry_after or _RETRY_DEFAULT, answer=answer)
    if answer.reason == "Invalid" or _MISTYPED.match(content.message):
        return Invalid(message, answer=answer)
    kind = _BY_STATUS.get(status) or (Invalid if 400 <= status < 500 else ServerError)
    return kind(message, remedy=_REMEDIES.get(status, ""), answer=answer)


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    404: NotFound,
    405: Unsupported,
    406: Unsupported,
    408: ServerError,
    410: Gone,
    415: Unsupported,
}
_REMEDIES = {401: "check the token or the client certificate of this cluster's kubeconfig"}


def _answer(request: Request, status: int, content: Status, retry_after: str) -> Answer:
    details = content.details or StatusDetails()
    causes = tuple(_cause(cause, request.secret) for cause in (details.causes or ())[:CAUSES_LIMIT])
    mistyped = _MISTYPED.match(content.message)
    if mistyped and not causes:
        causes = _mistyped(content.message[mistyped.end() :], request.secret)
    return Answer(
        status=status,
        reason=bounded(content.reason, _FIELD_LIMIT),
        message=_quotable(request, content.message, causes),
        causes=causes,
        retry_after=_seconds(retry_after, details.retry_after),
        name=bounded(details.name, _FIELD_LIMIT),
    )


def _mistyped(text: str, secret: bool) -> tuple[Cause, ...]:
    """Causes out of the text that lists the fields of a wrong type, one a line."""
    if secret:  # the text quotes values, which may look like anything: only its beginning is a field for sure
        field = _FIELD.match(text)
        named = [(field[1], "")] if field else [("data", "not base64")] if "illegal base64" in text else []
    else:
        named = [(field[1], field[2]) for field in _FIELD.finditer(text)]
    return tuple(
        Cause(field=bounded(name, _FIELD_LIMIT), reason="FieldValueTypeInvalid", message=bounded(message))
        for name, message in named[:CAUSES_LIMIT]
    )


def _cause(cause: StatusCause, secret: bool) -> Cause:
    owner = _MANAGER.match(cause.message)
    quotable = (owner[0] if owner else "") if secret else cause.message
    return Cause(bounded(cause.field, _FIELD_LIMIT), bounded(cause.reason, _FIELD_LIMIT), bounded(quotable))


def _quotable(request: Request, message: str, causes: tuple[Cause, ...]) -> str:
    """The message, but of a Secret only which fields are wrong and why: the server quotes what it refuses."""
    if not request.secret:
        return bounded(message)
    denied = _DENIED.search(message)
    if denied:
        return bounded(denied[0])
    return bounded(", ".join(f"{cause.field}: {cause.message or cause.reason}" for cause in causes))


def _unsaid(answer: Answer) -> str:
    return answer.reason or f"the server answered {answer.status} without saying why"


def _seconds(header: str, seconds: float | None) -> float:
    try:
        wanted = float(header) if header else seconds or 0.0
    except ValueError:  # a date is allowed, too; no API server sends one
        wanted = _RETRY_DEFAULT
    return min(max(wanted, 0.0), _RETRY_LONGEST)


def _forbidden(message: str, answer: Answer, content: Status) -> ApiError:
    if "exceeded quota" in content.message or any(cause.reason == "NamespaceTerminating" for cause in answer.causes):
        return HeldBack(message, answer=answer)
    denied = _DENIED.search(content.message)
    if not denied:
        return Forbidden(message, answer=answer)
    verb, plural, group, namespace = denied.groups()
    resource = f"{plural}.{group}" if group else plural
    where = f"in namespace {namespace}" if namespace else "in the whole cluster"
    remedy = f"a role must allow {verb} on {resource} {where}"
    return Forbidden(message, remedy=remedy, answer=answer, verb=verb, resource=resource)


def _conflict(message: str, answer: Answer) -> Conflict:
    if answer.reason == "AlreadyExists":
        return AlreadyExists(message, answer=answer)
    owners = [(_MANAGER.match(cause.message), cause.field) for cause in answer.causes]
    conflicts = tuple(FieldConflict(owner[1], field) for owner, field in owners if owner)
    return Conflict(message, answer=answer, conflicts=conflicts)

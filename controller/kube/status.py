"""From a server's answer (metav1.Status) to an error of ours. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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


def error_of(request: Request, status: int, body: bytes, retry_after: str = "") -> ApiError:
    """The error for an answer that is not a success; `retry_after` is the header of that name."""
    try:
        content = orjson.loads(body) if body[:1] == b"{" else {}
    except orjson.JSONDecodeError:
        content = {}
    return error_of_status(request, status, content if content.get("kind") == "Status" else {}, retry_after)


def error_of_status(request: Request, status: int, content: dict[str, Any], retry_after: str = "") -> ApiError:
    """The error for a decoded Status; an empty one stands for an answer that was none."""
    answer = _answer(request, status, content, retry_after)
    what = f"{request.verb} {request.about}".strip()
    message = f"{what}: {answer.message or _unsaid(answer)}"
    if status == 403:
        return _forbidden(message, answer, content)
    if status == 409:
        return _conflict(message, answer, content)
    if status == 429:
        return Throttled(message, after=answer.retry_after or _RETRY_DEFAULT, answer=answer)
    if answer.reason == "Invalid" or _MISTYPED.match(str(content.get("message"))):
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


def _answer(request: Request, status: int, content: dict[str, Any], retry_after: str) -> Answer:
    details = content.get("details") or {}
    causes = tuple(_cause(cause, request.secret) for cause in (details.get("causes") or [])[:CAUSES_LIMIT])
    message = str(content.get("message") or "")
    mistyped = _MISTYPED.match(message)
    if mistyped and not causes:
        causes = _mistyped(message[mistyped.end() :], request.secret)
    return Answer(
        status=status,
        reason=bounded(str(content.get("reason") or ""), _FIELD_LIMIT),
        message=_quotable(request, message, causes),
        causes=causes,
        retry_after=_seconds(retry_after or details.get("retryAfterSeconds")),
        name=bounded(str(details.get("name") or ""), _FIELD_LIMIT),
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


def _cause(cause: dict[str, Any], secret: bool) -> Cause:
    return Cause(
        field=bounded(str(cause.get("field") or ""), _FIELD_LIMIT),
        reason=bounded(str(cause.get("reason") or ""), _FIELD_LIMIT),
        message=""
        if secret and not _MANAGER.match(str(cause.get("message")))
        else bounded(str(cause.get("message") or "")),
    )


def _quotable(request: Request, message: str, causes: tuple[Cause, ...]) -> str:
    """The message, but of a Secret only which fields are wrong and why: the server quotes what it refuses."""
    if not request.secret or _DENIED.search(message):
        return bounded(message)
    return bounded(", ".join(f"{cause.field}: {cause.message or cause.reason}" for cause in causes))


def _unsaid(answer: Answer) -> str:
    return answer.reason or f"the server answered {answer.status} without saying why"


def _seconds(value: Any) -> float:
    try:
        return min(max(float(value or 0), 0.0), _RETRY_LONGEST)
    except ValueError:  # a date is allowed, too; no API server sends one
        return _RETRY_DEFAULT


def _forbidden(message: str, answer: Answer, content: dict[str, Any]) -> ApiError:
    text = str(content.get("message") or "")
    if "exceeded quota" in text or any(cause.reason == "NamespaceTerminating" for cause in answer.causes):
        return HeldBack(message, answer=answer)
    denied = _DENIED.search(text)
    if not denied:
        return Forbidden(message, answer=answer)
    verb, plural, group, namespace = denied.groups()
    resource = f"{plural}.{group}" if group else plural
    where = f"in namespace {namespace}" if namespace else "in the whole cluster"
    return Forbidden(
        message,
        remedy=f"a role must allow {verb} on {resource} {where}",
        answer=answer,
        verb=verb,
        resource=resource,
    )


def _conflict(message: str, answer: Answer, content: dict[str, Any]) -> ApiError:
    if answer.reason == "AlreadyExists":
        return AlreadyExists(message, answer=answer)
    conflicts = []
    for cause in (content.get("details") or {}).get("causes") or []:
        manager = _MANAGER.match(str(cause.get("message")))
        if cause.get("reason") == "FieldManagerConflict" and manager:
            conflicts.append(FieldConflict(bounded(manager[1], 128), bounded(str(cause.get("field")), _FIELD_LIMIT)))
    return Conflict(message, answer=answer, conflicts=tuple(conflicts[:CAUSES_LIMIT]))

"""From a server's answer (metav1.Status) to an error of ours. Pure."""

from __future__ import annotations

import email.utils
import re
import time
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
    Denied,
    FieldConflict,
    Forbidden,
    Gone,
    Immutable,
    Invalid,
    NamespaceMissing,
    NotFound,
    OwnedByOthers,
    QuotaExceeded,
    ServerError,
    ServerTimeout,
    Terminating,
    Throttled,
    Unauthorized,
    Unsupported,
    WebhookFailed,
    bounded,
)
from controller.model.labels import REPLACE_ANNOTATION
from controller.model.sensitive import scrub

if TYPE_CHECKING:
    from controller.kube.request import Request

_FIELD_LIMIT = 256
_DENIED = re.compile(r'cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?')
# As the server's admission plugins put it: webhook/errors/statuserror.go, policy/validating, webhook dispatchers.
_WEBHOOK = re.compile(r'admission webhook "([^"]+)" (?:denied the request|does not support dry run)')
_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding '([^']+)' denied request")
_UNASKED = re.compile(r'failed calling webhook "([^"]+)"')
# apimachinery's errors.NewNotFound and NewAlreadyExists; the namespace's end and the quota's use are of admission.
_NAMED = re.compile(r'^[a-z0-9.-]+ "[^"]*" (?:not found|already exists)')
_ENDING = re.compile(r"unable to create new content in namespace \S+ because it is being terminated")
_QUOTA = re.compile(r"exceeded quota: [a-z0-9.-]+")
# How the kinds' own validation says that a field can't be changed: most say "immutable", these don't.
_FIXED = re.compile(
    r"immutable|may not change once set|(?:can ?not|can't) be changed|cannot change roleRef"
    r"|updates to \S+ spec for fields other than|updates may not change fields other than"
    r"|updates to \S+ are forbidden"
)
FIXED = "field is immutable"
"""Stands for what the server says of a Secret's field that can't be changed: its words may quote values."""
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
    kind: str = ""
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
    content = _without_secrets(request, content)
    answer = _answer(request, status, content, retry_after)
    what = f"{request.verb} {request.about}".strip()
    message = f"{what}: {answer.message or _unsaid(answer)}"
    special = _admission(message, answer, content.message) or _known(message, answer, content)
    if special:
        return special
    kind = _BY_STATUS.get(status) or (Invalid if 400 <= status < 500 else ServerError)
    return kind(message, remedy=_REMEDIES.get(status, ""), answer=answer)


def _known(message: str, answer: Answer, content: Status) -> ApiError | None:
    """The errors that say more than their status does."""
    match answer.status:
        case 403:
            return _forbidden(message, answer, content)
        case 409:
            return _conflict(message, answer)
        case 429:
            return Throttled(message, after=answer.retry_after or _RETRY_DEFAULT, answer=answer)
        case 404 if content.details is not None and content.details.kind == "namespaces":
            remedy = "create it, set spec.sync.createNamespace, or have a Namespace among the objects"
            return NamespaceMissing(message, remedy=remedy, answer=answer)
    if answer.reason == "Invalid" or _MISTYPED.match(content.message):
        return _invalid(message, answer)
    return None


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    404: NotFound,
    405: Unsupported,
    406: Unsupported,
    408: ServerTimeout,
    410: Gone,
    415: Unsupported,
    504: ServerTimeout,
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


def _without_secrets(request: Request, content: Status) -> Status:
    """What the server quotes of the object that was sent, without the values of it that must not leave."""
    try:
        wish = orjson.loads(request.body or b"null")
    except orjson.JSONDecodeError:
        return content
    if not isinstance(wish, dict):
        return content
    details = content.details
    if details and details.causes:
        causes = [msgspec.structs.replace(cause, message=scrub(wish, cause.message)) for cause in details.causes]
        details = msgspec.structs.replace(details, causes=causes)
    return msgspec.structs.replace(content, message=scrub(wish, content.message), details=details)


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
    fixed = _FIXED.search(cause.message) is not None
    quotable = cause.message
    if secret:
        quotable = owner[0] if owner else FIXED if fixed else ""
    return Cause(bounded(cause.field, _FIELD_LIMIT), bounded(cause.reason, _FIELD_LIMIT), bounded(quotable), fixed)


def _quotable(request: Request, message: str, causes: tuple[Cause, ...]) -> str:
    """The message, but of a Secret only what names objects, or which fields are wrong and why.

    For the rest of what it says, the server quotes what it refuses.
    """
    if not request.secret:
        return bounded(message)
    for known in (_DENIED, _WEBHOOK, _POLICY, _UNASKED, _NAMED, _ENDING, _QUOTA):
        if found := known.search(message):
            return bounded(found[0])
    return bounded(", ".join(f"{cause.field}: {cause.message or cause.reason}" for cause in causes))


def _unsaid(answer: Answer) -> str:
    return answer.reason or f"the server answered {answer.status} without saying why"


def _seconds(header: str, seconds: float | None) -> float:
    try:
        wanted = float(header) if header else seconds or 0.0
    except ValueError:
        wanted = _until(header)
    return min(max(wanted, 0.0), _RETRY_LONGEST)


def _until(date: str) -> float:
    """Seconds until an HTTP date (RFC 9110, section 10.2.3), as a proxy before the server may send it."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return _RETRY_DEFAULT


def _invalid(message: str, answer: Answer) -> Invalid:
    if not answer.causes or not all(cause.immutable for cause in answer.causes):
        return Invalid(message, answer=answer)
    remedy = f"change it back, or allow the object to be replaced: annotate it {REPLACE_ANNOTATION}: allowed in Git"
    return Immutable(message, remedy=remedy, answer=answer)


def _admission(message: str, answer: Answer, said: str) -> ApiError | None:
    """What an admission webhook or policy is behind; one that answers 429 or 5xx asks for patience like a server."""
    if answer.status == 429:
        return None
    if answer.status >= 500:
        found = _UNASKED.search(said)
        return WebhookFailed(message, remedy="see that it runs", answer=answer, by=found[1]) if found else None
    if found := _WEBHOOK.search(said):
        remedy = "correct the object, or the webhook"
        if found[0].endswith("dry run"):
            remedy = "nothing is written that can't be foreseen: set the webhook's sideEffects to None or NoneOnDryRun"
        return Denied(message, remedy=remedy, answer=answer, by=found[1])
    if found := _POLICY.search(said):
        return Denied(message, remedy="correct the object, or the policy", answer=answer, by=found[1])
    return None


def _forbidden(message: str, answer: Answer, content: Status) -> ApiError:
    if "exceeded quota" in content.message or "status unknown for quota" in content.message:
        return QuotaExceeded(message, answer=answer)
    if any(cause.reason == "NamespaceTerminating" for cause in answer.causes):
        return Terminating(message, answer=answer)
    denied = _DENIED.search(content.message)
    if not denied:
        return Forbidden(message, answer=answer)
    verb, plural, group, namespace = denied.groups()
    resource = f"{plural}.{group}" if group else plural
    where = f"in namespace {namespace}" if namespace else "in the whole cluster"
    remedy = f"a role must allow {verb} on {resource} {where}"
    return Forbidden(message, remedy=remedy, answer=answer, verb=verb, resource=resource, namespace=namespace or "")


def _conflict(message: str, answer: Answer) -> ApiError:
    if answer.reason == "AlreadyExists":
        return AlreadyExists(message, answer=answer)
    owners = [(_MANAGER.match(cause.message), cause.field) for cause in answer.causes]
    conflicts = tuple(FieldConflict(owner[1], field) for owner, field in owners if owner)
    if not conflicts:
        return Conflict(message, answer=answer)
    taken = ", ".join(f"{conflict.field} belongs to {conflict.manager}" for conflict in conflicts)
    return OwnedByOthers(
        f"{message}: {taken}",
        remedy="leave these fields out of Git, or let them be taken over",
        answer=answer,
        conflicts=conflicts,
    )

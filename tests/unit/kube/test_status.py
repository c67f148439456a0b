"""From an answer to an error, and its fate."""

from __future__ import annotations

import orjson
import pytest

from controller import errors as fates
from controller.kube import errors
from controller.kube.request import Request
from controller.kube.status import error_of
from tests.unit.kube.scripted import status

ABOUT = Request(verb="apply", method="PATCH", target="/x", about="ConfigMap here/one")


@pytest.mark.parametrize(
    ("code", "reason", "kind", "fate"),
    [
        (400, "BadRequest", errors.Invalid, fates.Terminal),
        (401, "Unauthorized", errors.Unauthorized, fates.Transient),
        (403, "Forbidden", errors.Forbidden, fates.Terminal),
        (404, "NotFound", errors.NotFound, fates.Transient),
        (405, "MethodNotAllowed", errors.Unsupported, fates.Terminal),
        (406, "NotAcceptable", errors.Unsupported, fates.Terminal),
        (408, "Timeout", errors.ServerTimeout, fates.Transient),
        (409, "Conflict", errors.Conflict, fates.Transient),
        (409, "AlreadyExists", errors.AlreadyExists, fates.Transient),
        (410, "Expired", errors.Gone, fates.Transient),
        (413, "RequestEntityTooLarge", errors.Invalid, fates.Terminal),
        (415, "UnsupportedMediaType", errors.Unsupported, fates.Terminal),
        (422, "Invalid", errors.Invalid, fates.Terminal),
        (429, "TooManyRequests", errors.Throttled, fates.NotReady),
        (500, "InternalError", errors.ServerError, fates.Transient),
        (503, "ServiceUnavailable", errors.ServerError, fates.Transient),
        (504, "Timeout", errors.ServerTimeout, fates.Transient),
        (302, "", errors.ServerError, fates.Transient),
    ],
)
def test_every_status_has_one_error_and_one_fate(
    code: int, reason: str, kind: type[errors.ApiError], fate: type[fates.ShipslogError]
) -> None:
    """The loop decides by fate alone."""
    error = error_of(ABOUT, code, orjson.dumps(status(code, reason, "because")))

    assert type(error) is kind
    every: tuple[type[fates.ShipslogError], ...] = (fates.Terminal, fates.Transient, fates.NotReady)
    assert [known for known in every if issubclass(kind, known)] == [fate]
    assert (error.status, error.reason) == (code, reason)
    assert str(error).startswith("apply ConfigMap here/one: because")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"kind": "Other", "message": "x"}', b"<html>"])
def test_an_answer_that_is_no_status_says_only_its_number(body: bytes) -> None:
    """A proxy's page is not quoted."""
    error = error_of(ABOUT, 502, body)

    assert str(error) == "apply ConfigMap here/one: the server answered 502 without saying why"


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "Status", "details": [1], "message": {"a": 1}, "reason": ["x"]},
        {"kind": "Status", "details": {"causes": {"a": 1}, "name": 5}},
        {"kind": "Status", "details": {"causes": [1, None, {"field": {}, "message": []}]}},
        {"kind": "Status", "details": {"retryAfterSeconds": "soon"}},
    ],
)
@pytest.mark.parametrize("code", [403, 404, 409, 422, 429, 500])
def test_a_status_of_any_shape_is_an_error_of_ours(content: dict[str, object], code: int) -> None:
    """A hostile server can't make us fail in another way."""
    assert isinstance(error_of(ABOUT, code, orjson.dumps(content)), errors.ApiError)


@pytest.mark.parametrize(
    ("header", "seconds", "after"),
    [
        ("3", None, 3.0),
        ("", 5, 5.0),
        ("", None, 1.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None, 1.0),  # over: the default
        ("Wed, 21 Oct 2099 07:28:00 GMT", None, 300.0),
        ("soon", None, 1.0),
        ("1e9", None, 300.0),
    ],
)
def test_the_wait_is_what_the_server_said_within_reason(header: str, seconds: int | None, after: float) -> None:
    """The header, else the Status, else a second; never more than five minutes."""
    body = orjson.dumps(status(429, "TooManyRequests", retryAfterSeconds=seconds))

    error = error_of(ABOUT, 429, body, header)

    assert isinstance(error, errors.Throttled)
    assert error.after == after


@pytest.mark.parametrize(
    ("code", "message", "kind", "by"),
    [
        (403, 'admission webhook "policy.example" denied the request: no', errors.Denied, "policy.example"),
        (400, 'admission webhook "policy.example" does not support dry run', errors.Denied, "policy.example"),
        (
            422,
            "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            errors.Denied,
            "p",
        ),
        (
            500,
            'Internal error occurred: failed calling webhook "policy.example": x',
            errors.WebhookFailed,
            "policy.example",
        ),
    ],
)
def test_what_admission_says_names_who_said_it(code: int, message: str, kind: type[errors.ApiError], by: str) -> None:
    """No role would help, and the object may be right."""
    error = error_of(ABOUT, code, orjson.dumps(status(code, "Forbidden", message)))

    assert type(error) is kind
    assert getattr(error, "by", "") == by
    assert error.remedy


def test_a_webhook_that_has_too_much_to_do_asks_for_patience() -> None:
    """A denial with status 429 is no verdict on the object."""
    message = 'admission webhook "policy.example" denied the request: busy'
    error = error_of(ABOUT, 429, orjson.dumps(status(429, "TooManyRequests", message)), "7")

    assert isinstance(error, errors.Throttled)
    assert error.after == 7


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (".data.password: expected string, got &value.valueUnstructured{Value:8765}", "data.password"),
        (".stringData: expected map, got &{x\n  .hunter2: hunter2}", "stringData"),
        ("errors:\n  .data: expected map, got &{x\n  .hunter2: hunter2}", ""),
        ("unable to convert: error decoding from json: illegal base64 data at input byte 7", "data"),
    ],
)
def test_a_secret_of_the_wrong_type_is_named_by_its_field_only(message: str, field: str) -> None:
    """A value may look like a field, so no more than the first one is believed."""
    secret = Request(verb="apply", method="PATCH", target="/x", about="Secret here/one", secret=True)
    text = f"failed to create typed patch object (here/one; /v1, Kind=Secret): {message}"

    error = error_of(secret, 500, orjson.dumps(status(500, "", text)))

    assert type(error) is errors.Invalid
    assert [cause.field for cause in error.causes] == ([field] if field else [])
    assert field in str(error)
    assert "hunter2" not in f"{error} {error.answer}"
    assert "8765" not in f"{error} {error.answer}"


@pytest.mark.parametrize(
    ("code", "reason", "message", "details", "said", "kind"),
    [
        (
            404,
            "NotFound",
            'namespaces "x" not found',
            {"name": "x", "kind": "namespaces"},
            'namespaces "x" not found',
            errors.NamespaceMissing,
        ),
        (
            404,
            "NotFound",
            'secrets "one" not found',
            {"name": "one", "kind": "secrets"},
            'secrets "one" not found',
            errors.NotFound,
        ),
        (
            409,
            "AlreadyExists",
            'secrets "one" already exists',
            {"name": "one", "kind": "secrets"},
            "already exists",
            errors.AlreadyExists,
        ),
        (
            403,
            "Forbidden",
            'secrets "one" is forbidden: exceeded quota: few, requested: secrets=1',
            {},
            "quota: few",
            errors.QuotaExceeded,
        ),
        (
            403,
            "Forbidden",
            'secrets "one" is forbidden: unable to create new content in namespace x because it is being terminated',
            {"causes": [{"reason": "NamespaceTerminating", "message": "hush", "field": "metadata.namespace"}]},
            "namespace x because it is being terminated",
            errors.Terminating,
        ),
    ],
)
def test_of_a_secret_is_said_what_can_not_hold_a_value(
    code: int, reason: str, message: str, details: dict[str, object], said: str, kind: type
) -> None:
    """Names of objects and why they are refused; nothing else of the server's words."""
    secret = Request(verb="apply", method="PATCH", target="/x", about="Secret here/one", secret=True)

    error = error_of(secret, code, orjson.dumps(status(code, reason, f"{message}, hush", **details)))

    assert type(error) is kind
    assert said in str(error)
    assert "hush" not in str(error)
    assert "hush" not in repr(error.answer)

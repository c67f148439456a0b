"""Logs: constant messages, values as fields, context bound once, no secret, and never an error of their own.

```python
log = logs.get_logger(__name__)
with logs.bound(application="team-pay/shop", run=run.id):
    log.info("Run started", trigger="user")
```
One JSON object per line, or text for people. Secrets must not reach a log at all; the redaction here is the second
net, for what slips through inside an error's text.
"""

from __future__ import annotations

import base64
import contextvars
import logging
import re
import sys
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

REDACTED = "[redacted]"
SHORTEST_SECRET = 6
"""Shorter values are not registered: they would blank ordinary words."""
MOST_SECRETS = 4096
LONGEST_VALUE = 8192
"""Characters of one string that are logged; the rest is cut."""
LONGEST_SCAN = 1 << 18
"""Characters of one string that are searched for secrets; what lies beyond is never logged."""
DEEPEST = 6
"""Levels of nested values that are logged."""
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMATS = ("json", "text")
_STANDARD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
"""What every record has; the rest are fields that a caller gave by `extra`."""

_context: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("shipslog_log_context")
# A dict for its order: when there are too many, the oldest goes.
_secrets: dict[str, None] = {}

_PATTERNS = (
    # https://user:password@host, of which a password alone is enough to be a secret
    (re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)[^/\s@'\"]{1,1024}@"), rf"\g<scheme>{REDACTED}@"),
    # Authorization: Bearer abc, "Proxy-Authorization": "Basic abc", PRIVATE-TOKEN: abc
    (
        re.compile(
            r"(?P<name>(?:proxy-)?authorization|private-token|x-api-key|set-cookie|cookie)"
            r"(?P<sep>['\"]?\s{0,4}[:=]\s{0,4}['\"]?)(?P<value>(?:(?:bearer|basic|token|digest)\s{1,4})?[^\s'\",;]{1,8192})",
            re.IGNORECASE,
        ),
        rf"\g<name>\g<sep>{REDACTED}",
    ),
    (re.compile(r"\b(?P<name>bearer|basic)\s{1,4}[A-Za-z0-9+/._~=-]{8,8192}", re.IGNORECASE), rf"\g<name> {REDACTED}"),
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{1,16384}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
)


class Logger:
    """Takes a constant message and its values as fields; the fields' names are snake_case, with their unit."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, message: str, /, **fields: Any) -> None:
        """For whoever looks for a fault."""
        self._log(logging.DEBUG, message, fields)

    def info(self, message: str, /, **fields: Any) -> None:
        """Something happened as it should."""
        self._log(logging.INFO, message, fields)

    def warning(self, message: str, /, **fields: Any) -> None:
        """Something is odd, and goes on."""
        self._log(logging.WARNING, message, fields)

    def error(self, message: str, /, **fields: Any) -> None:
        """Something failed; `error=exception` adds its type, text and traceback."""
        self._log(logging.ERROR, message, fields)

    def exception(self, message: str, /, **fields: Any) -> None:
        """Something failed: inside an `except` block, which gives the error."""
        self._log(logging.ERROR, message, {"error": sys.exc_info()[1], **fields})

    def _log(self, level: int, message: str, fields: dict[str, Any]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        error = fields.get("error")
        trace = error if isinstance(error, BaseException) and level >= logging.ERROR else None
        self._logger.log(level, message, extra={"fields": fields}, exc_info=trace, stacklevel=3)


def get_logger(name: str) -> Logger:
    """The logger of a module: `get_logger(__name__)`."""
    return Logger(name)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Add fields to every line logged in the block, and in the tasks started in it."""
    token = _context.set({**_context.get({}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def secret(value: str) -> None:
    """Never let this value into a log again, as it is or in base64; values under 6 characters are not taken."""
    if len(value) < SHORTEST_SECRET:
        return
    for form in (value, base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()):
        _secrets.pop(form, None)
        _secrets[form] = None
    while len(_secrets) > MOST_SECRETS:
        _secrets.pop(next(iter(_secrets)))


def redact(text: str) -> str:
    """The text without registered secrets, URL credentials, authorization headers and private keys."""
    for known in _secrets:
        if known in text:
            text = text.replace(known, REDACTED)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def configure(level: str = "info", form: str = "json", stream: TextIO | None = None) -> None:
    """Send all logging of the process to `stream` (stderr); raises ValueError for an unknown level or form."""
    if level not in LEVELS:
        raise ValueError(f"log level is {level!r}: use one of {', '.join(LEVELS)}")
    if form not in FORMATS:
        raise ValueError(f"log format is {form!r}: use one of {', '.join(FORMATS)}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Formatter(text=form == "text"))
    logging.root.handlers[:] = [handler]
    # Libraries log whole requests below warning; only we speak at the level asked for.
    logging.root.setLevel(max(LEVELS[level], logging.WARNING))
    logging.getLogger("controller").setLevel(LEVELS[level])
    logging.captureWarnings(capture=True)


class Formatter(logging.Formatter):
    """One redacted line per record; a record that can't be formatted becomes a line that says so."""

    def __init__(self, *, text: bool = False) -> None:
        super().__init__()
        self._render = _as_text if text else _as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        try:
            return self._render(_line(record))
        except Exception as error:  # noqa: BLE001 - a log line must never be what stops the controller
            return _as_json(
                {"level": "error", "message": "Log line lost", "logger": record.name, "why": type(error).__name__}
            )


def _line(record: logging.LogRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line: dict[str, Any] = {
        "time": moment.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "message": _clean(record.getMessage()),
        "logger": record.name,
    }
    given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    fields = {**_context.get({}), **given.pop("fields", {}), **given}
    for name, value in fields.items():
        line[f"field_{name}" if name in line else name] = _plain(value)
    if record.exc_info and record.exc_info[1] is not None:
        line["error"] = _plain(record.exc_info[1])
        line["traceback"] = _clean("".join(traceback.format_exception(*record.exc_info)))
    return line


def _plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it, every string in it redacted; what JSON has no form for becomes text."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() < 64):
        return value
    if isinstance(value, BaseException):
        return _clean(f"{type(value).__name__}: {_text(value)}")
    if depth < DEEPEST and isinstance(value, dict):
        return {_clean(_text(key)): _plain(item, depth + 1) for key, item in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return _clean(_text(value))


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - one odd value must not cost the line
        return f"[no text for this {type(value).__name__}]"


def _clean(text: str) -> str:
    # Redacted before it is cut: half a secret at the cut would be no registered value any more.
    text = redact(text[:LONGEST_SCAN])
    text = text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "..."
    # Lone surrogates (file names that are not UTF-8) have no form in JSON.
    return text.encode("utf-8", "backslashreplace").decode()


def _as_json(line: dict[str, Any]) -> str:
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _as_text(line: dict[str, Any]) -> str:
    head = f"{line.pop('time')} {line.pop('level').upper():7} {line.pop('message')}"
    trace = line.pop("traceback", "")
    name = line.pop("logger")
    fields = " ".join(f"{key}={_quoted(value)}" for key, value in line.items())
    return " ".join(part for part in (head, fields, f"({name})") if part) + (f"\n{trace.rstrip()}" if trace else "")


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    bare = text.isprintable() and text and not any(mark in text for mark in ' "=')
    return text if bare else orjson.dumps(text).decode()

"""Settings that the controller does not start with: one line on stderr names the variable and what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Setting(NamedTuple):
    """A variable, its value, and what the line must name beside the variable."""

    name: str
    value: str
    says: Sequence[str]


SETTINGS = (
    Setting("SHIPSLOG_WORKERS", "many", ("many",)),
    Setting("SHIPSLOG_WORKERS", "0", ("at least 1",)),
    Setting("SHIPSLOG_MAX_REQUESTS", "-5", ("at least 1",)),
    Setting("SHIPSLOG_SPOOL_LIMIT", "1GB", ("1GB",)),
    Setting("SHIPSLOG_SPOOL_LIMIT", "12", ("at least",)),
    Setting("SHIPSLOG_RENDER_TIMEOUT", "nan", ("nan",)),
    Setting("SHIPSLOG_RENDER_TIMEOUT", "-1", ("at least 0.1",)),
    Setting("SHIPSLOG_RENDER_MEMORY", "1", ("at least",)),
    Setting("SHIPSLOG_ENGINE", "/no/such/engine", ("/no/such/engine",)),
    Setting("SHIPSLOG_ENGINE_PROCESSES", "-1", ("at least 0",)),
    Setting("SHIPSLOG_ALLOW_FILE_URLS", "perhaps", ("boolean",)),
    Setting("SHIPSLOG_LISTEN", "nowhere", ("HOST:PORT",)),
    Setting("SHIPSLOG_LISTEN", "127.0.0.1:99999999", ("HOST:PORT",)),
    Setting("SHIPSLOG_LOG_LEVEL", "chatty", ("debug, info, warning or error",)),
    Setting("SHIPSLOG_LOG_FORMAT", "xml", ("json or text",)),
    Setting("SHIPSLOG_IGNORE_DIFFERENCES", "{", ("array",)),
    Setting("SHIPSLOG_IGNORE_DIFFERENCES", '[{"kind": "Pod", "jsonPaths": ["$.["]}]', ("jsonPaths",)),
    Setting("SHIPSLOG_DATABASE_URL", "mysql://a:verysecret@b/c", ("postgresql://",)),
    Setting("SHIPSLOG_KUBECONFIG", "/no/such/kubeconfig", ("/no/such/kubeconfig",)),
    Setting("SHIPSLOG_SPOOL_DIR", "/dev/null/spool", ("/dev/null/spool",)),
    Setting("SHIPSLOG_SHUTDOWN_TIMEOUT", "soon", ("soon",)),
    Setting("SHIPSLOG_FAULT_POINT", "at-night", ("after-intent",)),
)

"""Emptying a control plane below its API server: what is not in the keys of the fresh cluster goes, in milliseconds.

A deletion through the API waits for finalizers, admission webhooks and namespace controllers, and tests leave broken
ones of each. Deleted in etcd, an object is gone at once, and the API server's and the controllers' watches are told of
it as of any other deletion, so nothing needs a restart.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_ROOT = b"/registry/"
_END = b"/registry0"
_SETTLE_SECONDS = 20.0
"""For the cluster's controllers to stop putting things back, and more for each namespace that they have in hand."""
_SETTLE_SECONDS_PER_NAMESPACE = 0.1
_QUIET_READS = 3
# Written all the time by the components themselves.
_LIVE = (b"/registry/leases/kube-node-lease/", b"/registry/leases/kube-system/apiserver-", b"/registry/masterleases/")
_LATE = (b"/registry/events/", b"/registry/minions/", b"/registry/configmaps/kube-system/")
_SERVICES = b"/registry/services/specs/"
_NAMESPACES = b"/registry/namespaces/"
# Removed first: what would call out, and owners, whose controllers would replace the Pods that go with them.
_FIRST = tuple(
    b"/registry/" + kind.encode() + b"/"
    for kind in (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "cronjobs",
        "deployments",
        "statefulsets",
        "daemonsets",
        "jobs",
        "replicasets",
        "controllers",
        "horizontalpodautoscalers",
    )
)


@dataclass(frozen=True)
class Entry:
    """A key's value (empty when only keys were asked for) and the revision that wrote it."""

    value: bytes
    revision: int


class Keyspace:
    """The keys of one API server in its etcd, by etcd's JSON gateway."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc

    def entries(self, *, values: bool = False) -> dict[bytes, Entry]:
        """All keys in order."""
        answer = self._call("range", {"key": _b64(_ROOT), "range_end": _b64(_END), "keys_only": not values})
        return {
            base64.b64decode(kv["key"]): Entry(base64.b64decode(kv.get("value", "")), int(kv["mod_revision"]))
            for kv in answer.get("kvs", [])
        }

    def restore(self, pristine: dict[bytes, Entry], release: Callable[[list[str]], None]) -> dict[bytes, Entry]:
        """Bring the keys back to these; returns them with the revisions that they have now.

        Args:
            pristine: What `entries` gave, with values.
            release: Deletes these Services (as namespace/name) by the API, once nothing can refuse that.

        Raises:
            TimeoutError: something went on writing; the message names its keys.
        """
        self._delete(key for key in self._foreign(pristine) if key.startswith(_FIRST))
        services = [key.removeprefix(_SERVICES) for key in self._foreign(pristine) if key.startswith(_SERVICES)]
        release([service.decode() for service in services])
        # Before what is in them: controllers that see that go would put it back while its namespace is there.
        namespaces = [key for key in self._foreign(pristine) if key.startswith(_NAMESPACES)]
        self._delete(namespaces)
        self._delete(self._foreign(pristine))
        self._put_changed(pristine)
        self._settle(pristine, _SETTLE_SECONDS + _SETTLE_SECONDS_PER_NAMESPACE * len(namespaces))
        now = self.entries()
        return {key: Entry(entry.value, now[key].revision) for key, entry in pristine.items() if key in now}

    def _settle(self, pristine: dict[bytes, Entry], seconds: float) -> None:
        """Delete what comes back, until nothing does."""
        deadline, quiet = time.monotonic() + seconds, 0
        while quiet < _QUIET_READS:
            foreign = self._foreign(pristine)
            self._delete(foreign)
            quiet = 0 if any(not key.startswith(_LATE) for key in foreign) else quiet + 1
            if time.monotonic() > deadline:
                names = ", ".join(key.decode(errors="replace") for key in foreign[:5])
                raise TimeoutError(
                    f"the control plane does not become empty within {seconds:g} s: {len(foreign)} keys come back, "
                    f"such as {names}: stop what writes them"
                )
            time.sleep(0.05)

    def _foreign(self, pristine: dict[bytes, Entry]) -> list[bytes]:
        return [key for key in self.entries() if key not in pristine and not key.startswith(_LIVE)]

    def _delete(self, keys: Iterable[bytes]) -> None:
        self._each("deleterange", ({"key": _b64(key)} for key in keys))

    def _put_changed(self, pristine: dict[bytes, Entry]) -> None:
        now = self.entries()
        changed = (
            (key, entry)
            for key, entry in pristine.items()
            if not key.startswith(_LIVE) and (key not in now or now[key].revision != entry.revision)
        )
        self._each("put", ({"key": _b64(key), "value": _b64(entry.value)} for key, entry in changed))

    def _call(self, method: str, body: dict[str, Any]) -> Any:
        (answer,) = self._each(method, [body])
        return answer

    def _each(self, method: str, bodies: Iterable[dict[str, Any]]) -> list[Any]:
        """Requests one after the other over one connection: a new one for each would cost more than they do."""
        answers = []
        with closing(http.client.HTTPConnection(self._address, timeout=30)) as connection:
            for body in bodies:
                connection.request("POST", f"/v3/kv/{method}", json.dumps(body))
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != http.client.OK:
                    raise RuntimeError(f"etcd: {method}: {answer.status}: {content.decode(errors='replace')[:500]}")
                answers.append(json.loads(content))
        return answers


def save(path: Path, entries: dict[bytes, Entry]) -> None:
    """Keep entries in a file, so that another process can restore them."""
    rows = [[_b64(key), _b64(entry.value), entry.revision] for key, entry in entries.items()]
    path.write_text(json.dumps(rows), encoding="utf-8")


def load(path: Path) -> dict[bytes, Entry]:
    """What `save` kept."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {base64.b64decode(key): Entry(base64.b64decode(value), revision) for key, value, revision in rows}


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()

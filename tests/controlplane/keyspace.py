"""Emptying a control plane below its API server: what is not in the keys of the fresh cluster goes, in milliseconds.

A deletion through the API waits for finalizers, admission webhooks and namespace controllers, and tests leave broken
ones of each. Deleted in etcd, an object is gone at once, and the API server's and the controllers' watches are told of
it as of any other deletion, so nothing needs a restart.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_ROOT = b"/registry/"
_END = b"/registry0"
_TXN_OPERATIONS = 100  # etcd takes at most 128
_SETTLE_SECONDS = 20.0
_QUIET_READS = 3
# Written all the time by the components themselves.
_LIVE = (b"/registry/leases/kube-node-lease/", b"/registry/leases/kube-system/apiserver-", b"/registry/masterleases/")
_LATE = (b"/registry/events/", b"/registry/minions/", b"/registry/configmaps/kube-system/")
_SERVICES = b"/registry/services/specs/"
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
        self._url = url

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
        deadline = time.monotonic() + _SETTLE_SECONDS
        restored, quiet = False, 0
        while quiet < _QUIET_READS:
            foreign = self._foreign(pristine)
            self._delete(foreign)
            if not restored:
                self._put_changed(pristine)
                restored = True
            quiet = 0 if any(not key.startswith(_LATE) for key in foreign) else quiet + 1
            if time.monotonic() > deadline:
                names = ", ".join(key.decode(errors="replace") for key in foreign[:5])
                raise TimeoutError(f"the control plane does not become empty: {names} come back")
            time.sleep(0.05)
        now = self.entries()
        return {key: Entry(entry.value, now[key].revision) for key, entry in pristine.items() if key in now}

    def _foreign(self, pristine: dict[bytes, Entry]) -> list[bytes]:
        return [key for key in self.entries() if key not in pristine and not key.startswith(_LIVE)]

    def _delete(self, keys: Iterable[bytes]) -> None:
        self._transact([{"requestDeleteRange": {"key": _b64(key)}} for key in keys])

    def _put_changed(self, pristine: dict[bytes, Entry]) -> None:
        now = self.entries()
        self._transact(
            [
                {"requestPut": {"key": _b64(key), "value": _b64(entry.value)}}
                for key, entry in pristine.items()
                if not key.startswith(_LIVE) and (key not in now or now[key].revision != entry.revision)
            ]
        )

    def _transact(self, operations: list[dict[str, Any]]) -> None:
        for start in range(0, len(operations), _TXN_OPERATIONS):
            self._call("txn", {"success": operations[start : start + _TXN_OPERATIONS]})

    def _call(self, method: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"{self._url}/v3/kv/{method}", data=json.dumps(body).encode())  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - etcd on loopback
            return json.load(answer)


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

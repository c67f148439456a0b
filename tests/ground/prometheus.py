"""A real Prometheus that scrapes what it is told to, and promtool; `tests/ground/prometheus.sh` gets both."""

from __future__ import annotations

import json
import math
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.ground.ports import free_ports
from tests.ground.processes import Component, ProcessFailed, ProcessGroup, tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_CHECKOUT = Path(__file__).resolve().parents[2]
BIN = _CHECKOUT / ".tools" / "bin"
_READY_SECONDS = 30.0
_TRIES = 3


class PrometheusError(RuntimeError):
    """Prometheus or promtool is not there, did not start, or refused what it was asked."""


@dataclass(frozen=True)
class Sample:
    """One series of an answer, at one moment."""

    labels: Mapping[str, str]
    value: float

    @property
    def known(self) -> bool:
        """Whether it is a number: a quantile of nothing is none."""
        return not math.isnan(self.value)


@dataclass(frozen=True)
class Check:
    """What promtool said."""

    code: int
    output: str = field(repr=False)


class PrometheusServer:
    """One server; see `start`."""

    def __init__(self, root: Path, port: int, group: ProcessGroup, targets: Sequence[str]) -> None:
        self.root = root
        self._expected = tuple(targets)
        self.url = f"http://127.0.0.1:{port}"
        self._group = group

    @classmethod
    def start(
        cls,
        root: Path,
        targets: Iterable[str],
        *,
        rules: Sequence[Path] = (),
        interval: float = 0.5,
        detached: bool = False,
    ) -> PrometheusServer:
        """Start a server that scrapes `targets` (`HOST:PORT`) every `interval` seconds, and wait until it is ready.

        Its data is in `root`. Unless detached it ends with this process, however this process ends.

        Raises:
            PrometheusError: it is not there or did not start; with the end of its log.
        """
        program = _program("prometheus")
        root.mkdir(parents=True, exist_ok=True)
        targets = list(targets)
        configuration = _configuration(targets, rules, interval)
        (root / "prometheus.yml").write_text(json.dumps(configuration, indent=2), encoding="utf-8")
        for left in reversed(range(_TRIES)):
            (port,) = free_ports(1)
            try:
                return cls._launch(program, root, port, targets, detached=detached)
            except ProcessFailed as error:
                # Somebody else may have taken the port since it was found free.
                if not left:
                    raise PrometheusError(str(error)) from error
        raise AssertionError

    @classmethod
    def _launch(cls, program: Path, root: Path, port: int, targets: list[str], *, detached: bool) -> PrometheusServer:
        component = Component(
            name="prometheus",
            argv=(
                str(program),
                f"--config.file={root / 'prometheus.yml'}",
                f"--storage.tsdb.path={root / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ),
            log=root / "prometheus.log",
            listen=("127.0.0.1", port),
        )
        server = cls(root, port, ProcessGroup.launch(root / "group", [component], detached=detached), targets)
        try:
            server._group.await_running(_READY_SECONDS)
            server._until("is ready", server._ready, _READY_SECONDS)
        except BaseException:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        """End the server; its data stays."""
        self._group.stop()

    def query(self, expression: str) -> list[Sample]:
        """The series of an instant query; a scalar is one without labels.

        Raises:
            PrometheusError: the expression is wrong.
        """
        answer = self._get("query", query=expression)
        if answer["resultType"] in {"scalar", "string"}:
            return [Sample({}, float(answer["result"][1]))]
        return [Sample(series["metric"], float(series["value"][1])) for series in answer["result"]]

    def alerts(self) -> dict[str, str]:
        """The alerts that are not inactive, by name, with their state: pending or firing."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in self._get("alerts")["alerts"]}

    def targets(self) -> dict[str, str]:
        """The targets by address, with `up`, `unknown`, or the error of the last scrape."""
        active = self._get("targets", state="active")["activeTargets"]
        return {t["labels"]["instance"]: t["lastError"] or t["health"] for t in active}

    def await_scrapes(self, count: int, seconds: float = _READY_SECONDS) -> None:
        """Wait until every target has been scraped so many times without an error.

        Raises:
            PrometheusError: the time is up; with the state of each target.
        """

        def scraped() -> bool:
            counts = {s.labels["instance"]: s.value for s in self.query("sum_over_time(up[1h])")}
            return all(counts.get(target, 0) >= count for target in self._expected)

        self._until(f"has {count} scrapes of every target", scraped, seconds)

    def _until(self, what: str, true: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            self._group.check()
            if time.monotonic() > deadline:
                state = self.targets() if self._ready() else "not ready"
                log = tail(self.root / "prometheus.log")
                raise PrometheusError(f"after {seconds:g} s not true that prometheus {what}: {state}; its log:\n{log}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:  # noqa: S310 - our own URL
                return bool(answer.status == 200)
        except OSError:
            return False

    def _get(self, path: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own URL
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            said = json.loads(error.read().decode() or "{}").get("error", error.reason)
            raise PrometheusError(f"{path} {parameters}: {said}") from error


def promtool(*arguments: str, directory: Path = _CHECKOUT) -> Check:
    """Run promtool: `promtool("check", "rules", "dashboards/alerts.yaml")`.

    Raises:
        PrometheusError: it is not there.
    """
    done = subprocess.run(
        [_program("promtool"), *arguments],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Check(done.returncode, done.stdout + done.stderr)


def _program(name: str) -> Path:
    path = BIN / name
    if not path.exists():
        raise PrometheusError(f"no {name} in {BIN}: run tests/ground/prometheus.sh .tools/bin")
    return path


def _configuration(targets: list[str], rules: Sequence[Path], interval: float) -> dict[str, Any]:
    every = f"{round(interval * 1000)}ms"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(rule) for rule in rules],
        "scrape_configs": [
            # Our series carry a `namespace` of their own, as kube-state-metrics' do.
            {"job_name": "shipslog", "honor_labels": True, "static_configs": [{"targets": targets}]}
        ],
    }

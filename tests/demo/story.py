"""The story, step by step; each is measured, and one that misses its promise ends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from controller.model.labels import API_VERSION
from tests.demo.promises import Missed
from tests.demo.shop import APPLICATION, NAMESPACE, TEAM, files, resources
from tests.ground.eventually import NeverCameTrueError, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.demo.database import Record
    from tests.demo.ground import Ground
    from tests.demo.narrator import Narrator

SHIPSLOG = ".venv/bin/shipslog"
Found = TypeVar("Found")


class Story:
    """One telling on one ground."""

    def __init__(self, narrator: Narrator, ground: Ground) -> None:
        self.narrator = narrator
        self.ground = ground

    def tell(self) -> None:
        """All of it; raises Missed where something is not as promised."""
        for step in (
            self.ground_comes_up,
            self.chart_is_installed,
            self.log_is_append_only,
            self.controller_sails,
            self.first_commit,
            self.next_commit,
            self.hand_edit,
            self.deletion,
            self.bad_release_and_revert,
            self.metrics,
            self.ledger,
        ):
            step()

    # -- the steps ---------------------------------------------------------------------------------------------------

    def ground_comes_up(self) -> None:
        self.narrator.step(
            "The ground comes up",
            "A Kubernetes control plane, a PostgreSQL with the ledger's schema and a Git server, all of them real.",
            f"{SHIPSLOG} migrate",
        )
        with self.narrator.waiting("three servers side by side"):
            for name, seconds in self.ground.start().items():
                self.narrator.took(name, seconds)

    def chart_is_installed(self) -> None:
        self.narrator.step(
            "The chart is installed",
            "The real Helm brings definitions, rights, settings and the migration.",
            "helm install shipslog helm/shipslog -n shipslog-system --set persistence.enabled=false --wait",
        )
        begun = time.monotonic()
        with self.narrator.waiting("helm"):
            self.ground.install()
        self.narrator.took("helm install", time.monotonic() - begun)

    def log_is_append_only(self) -> None:
        statement = "DELETE FROM audit.event"
        self.narrator.step(
            "Nobody edits the log", "The controller's login may insert, and nothing else.", f"psql -c '{statement}'"
        )
        said = self.ground.database.refused(statement)
        if "denied" not in said:
            raise Missed(f"the controller's login was not refused: {said!r}")
        self.narrator.output(said.splitlines()[0])

    def controller_sails(self) -> None:
        self.narrator.step(
            "The controller starts",
            "Same command, same environment and the same ServiceAccount token as the chart's Pod.",
            f"{SHIPSLOG} controller",
        )
        begun = time.monotonic()
        with self.narrator.waiting("ready"):
            self.ground.sail()
        self.narrator.took("ready, and scraped", time.monotonic() - begun)

    def first_commit(self) -> None:
        self.narrator.step(
            "A commit becomes live objects",
            "A Repository and an Application say what should stand; the first commit is pushed over HTTP.",
            "git push",
            "kubectl apply -f shop.yaml",
        )
        sha = self.ground.worktree.publish(files("1.0"), "Open the shop")
        begun = time.monotonic()
        self.ground.objects.apply(*yaml.safe_load_all(resources(self.ground.repository.url)))
        with self.narrator.waiting("live"):
            self._until(lambda: self._image() == "example/shop:1.0", "the first release is live", 30)
        self.narrator.measured("created to live", time.monotonic() - begun)
        self._settled(sha)

    def next_commit(self) -> None:
        self.narrator.step(
            "The next commit, asked for at once",
            "Polling would find it within the interval; whoever can't wait asks.",
            "git push",
            f"{SHIPSLOG} sync {TEAM}/{APPLICATION}",
        )
        sha = self.ground.worktree.publish(files("1.1"), "Sell umbrellas, too")
        begun = time.monotonic()
        self._ask()
        with self.narrator.waiting("live"):
            self._until(lambda: self._image() == "example/shop:1.1", "the commit is live", 30)
        self.narrator.measured("push to live", time.monotonic() - begun)
        self._settled(sha)

    def hand_edit(self) -> None:
        self.narrator.step(
            "Somebody changes the cluster by hand",
            "The log says what, by which field manager and when; then Git's value is written back.",
            f"kubectl -n {NAMESPACE} edit deployment web   # replicas: 2 -> 7",
        )
        begun = time.time()
        self.ground.objects.edit("apps/v1", "Deployment", NAMESPACE, "web", {"spec": {"replicas": 7}})
        self._drift(begun, "hand edit to recorded", "recorded to healed")

    def deletion(self) -> None:
        self.narrator.step(
            "Somebody deletes an object",
            "A deletion leaves no trace of who: the log says that, instead of guessing.",
            f"kubectl -n {NAMESPACE} delete configmap settings",
        )
        begun = time.time()
        self.ground.objects.delete("v1", "ConfigMap", NAMESPACE, "settings")
        self._drift(begun, "", "")
        self._until(lambda: self._found("v1", "ConfigMap", "settings") is not None, "it is back", 10)
        self.narrator.measured("deletion to restored", time.time() - begun)

    def bad_release_and_revert(self) -> None:
        self.narrator.step(
            "A bad release, and the way back",
            "Its Pods want nodes that do not exist. The verdict is Degraded; `git revert` takes it back.",
            "git push",
            "git revert HEAD && git push",
        )
        bad = self.ground.worktree.publish(files("2.0", node="of-gold"), "Move to better nodes")
        begun = time.monotonic()
        self._ask()
        with self.narrator.waiting("found out"):
            self._until(lambda: self._condition("Healthy").get("reason") == "Degraded", "it is found out", 40)
        self.narrator.measured("bad release to known", time.monotonic() - begun)
        self.narrator.output(str(self._condition("Healthy")["message"]))
        sha = self.ground.worktree.revert(bad)
        self.ground.worktree.push()
        begun = time.monotonic()
        self._ask()
        with self.narrator.waiting("back"):
            self._until(lambda: self._image() == "example/shop:1.1", "the release before is live", 30)
        self.narrator.measured("revert to live", time.monotonic() - begun)
        self._settled(sha)

    def metrics(self) -> None:
        self.narrator.step("The metrics of it all", "A real Prometheus has scraped every bit of the story.")
        for title, query, wanted in (
            ("syncs that ended", "sum(shipslog_runs_total)", 4),
            ("drifts detected", "sum(shipslog_drift_detected_total)", 2),
            ("drifts healed", "sum(shipslog_drift_healed_total)", 2),
            ("events recorded", "sum(shipslog_ledger_events_total)", 30),
        ):
            value = self._query(query, wanted)
            self.narrator.say(f"{title:<18} {value:6g}   {query}")

    def ledger(self) -> None:
        self.narrator.step(
            "The log of it all, from PostgreSQL",
            f"{self.ground.database.count()} events; these are the ones about drift, refusals and syncs.",
            f"{SHIPSLOG} audit tail",
        )
        kept = ("revision.observed", "drift.", "sync.")
        lines = self.ground.shipslog("audit", "tail", "--limit", "200").splitlines()
        shown = [line for line in lines[1:] if any(name in line for name in kept)]
        if not any("drift.healed" in line for line in shown):
            raise Missed("the ledger does not tell of the drift")
        self.narrator.output("\n".join([lines[0], *shown]))

    # -- looks at the world ------------------------------------------------------------------------------------------

    def _drift(self, begun: float, recorded: str, healed: str) -> None:
        with self.narrator.waiting("recorded and healed"):
            detected = self._event("drift.detected", begun)
            ended = self._event("drift.healed", begun)
        self.narrator.output(str(detected.body["reason"]))
        if recorded:
            self.narrator.measured(recorded, detected.occurred - begun)
            self.narrator.measured(healed, ended.occurred - detected.occurred)

    def _event(self, type_: str, since: float) -> Record:
        def look() -> Record | None:
            return next((one for one in self.ground.database.events(type_) if one.occurred >= since), None)

        found = self._until(look, f"{type_} is recorded", 20)
        assert found is not None
        return found

    def _ask(self) -> None:
        """What `shipslog sync` writes; its wait is ours here, so that the time is the controller's alone."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 1000 % 1_000_000:06}Z"
        annotations = {"shipslog.dev/sync-requested-at": moment, "shipslog.dev/requested-by": "demo"}
        self.ground.objects.edit(
            API_VERSION, "Application", TEAM, APPLICATION, {"metadata": {"annotations": annotations}}
        )

    def _settled(self, sha: str) -> None:
        def look() -> bool:
            status = self._status()
            ready = self._condition("Ready").get("status") == "True"
            return ready and status.get("revision", {}).get("sha") == sha and not status.get("drift")

        with self.narrator.waiting("ready"):
            self._until(look, "the Application is ready", 30)

    def _query(self, query: str, wanted: float) -> float:
        def look() -> float:
            samples = self.ground.prometheus.query(query)
            value = samples[0].value if samples else 0.0
            return value if value >= wanted else 0.0

        return self._until(look, f"Prometheus knows {query}", 10)

    def _status(self) -> dict[str, Any]:
        found = self.ground.objects.get(API_VERSION, "Application", TEAM, APPLICATION)
        return dict(found.get("status", {})) if found else {}

    def _condition(self, type_: str) -> dict[str, Any]:
        conditions = self._status().get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == type_), {})

    def _found(self, api_version: str, kind: str, name: str) -> dict[str, Any] | None:
        return self.ground.objects.get(api_version, kind, NAMESPACE, name)

    def _image(self) -> str:
        found = self._found("apps/v1", "Deployment", "web")
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""

    @staticmethod
    def _until(look: Callable[[], Found], what: str, seconds: float) -> Found:
        try:
            return eventually(look, what, seconds=seconds)
        except NeverCameTrueError as error:
            raise Missed(str(error).splitlines()[0]) from error

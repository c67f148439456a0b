"""The story, step by step; each is measured, and one that misses its promise ends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from controller.model.labels import API_VERSION
from tests.demo.ground import Ground, shown
from tests.demo.promises import Missed
from tests.demo.shop import APPLICATION, NAMESPACE, TEAM, files, resources
from tests.ground.eventually import NeverCameTrueError, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.demo.database import Record
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
            "A Kubernetes control plane, a PostgreSQL and a Git server, side by side, all of them real.",
            "python -m tests.controlplane up; python -m tests.ground.postgres up; python -m tests.ground.git_server up",
        )
        with self.narrator.waiting("three servers"):
            times = self.ground.start()
        for name, seconds in times.items():
            self.narrator.took(name, seconds)

    def chart_is_installed(self) -> None:
        self.narrator.step(
            "The chart is installed",
            "The real Helm brings definitions, rights and settings; the ledger is made as the chart's Job makes it.",
            "helm install shipslog helm/shipslog -n shipslog-system --set persistence.enabled=false --wait",
            f"{SHIPSLOG} migrate",
        )
        with self.narrator.waiting("helm"):
            times = self.ground.install()
        for name, seconds in times.items():
            self.narrator.took(name, seconds)

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
        manifest = self.ground.root / "shop.yaml"
        manifest.write_text(resources(self.ground.repository.url), encoding="utf-8")
        self.narrator.step(
            "A commit becomes live objects",
            "The first commit is pushed over HTTP; a Repository and an Application say where it should stand.",
            f"git -C {shown(self.ground.worktree.path)} push",
            f"kubectl apply -f {shown(manifest)}",
        )
        sha = self.ground.worktree.publish(files("1.0"), "Open the shop")
        begun = time.time()
        self.ground.objects.apply(*yaml.safe_load_all(manifest.read_text(encoding="utf-8")))
        with self.narrator.waiting("live"):
            live = self._live(sha, "1.0")
        self.narrator.measured("created to live", live - begun)

    def next_commit(self) -> None:
        self.narrator.step(
            "The next commit, asked for at once",
            "Polling would find it within 30 s; whoever can't wait asks, and sees the outcome.",
            "git push",
            f"{SHIPSLOG} sync {TEAM}/{APPLICATION}",
        )
        sha = self.ground.worktree.publish(files("1.1"), "Sell umbrellas, too")
        begun = time.time()
        with self.narrator.waiting("live"):
            said = self.ground.shipslog("sync", f"{TEAM}/{APPLICATION}", "--no-plan")
            live = self._live(sha, "1.1")
        self.narrator.output(said)
        self.narrator.measured("push to live", live - begun)

    def hand_edit(self) -> None:
        self.narrator.step(
            "Somebody changes the cluster by hand",
            "The log says what, by which field manager and when; then Git's value is written back.",
            f"kubectl -n {NAMESPACE} edit deployment web   # replicas: 2 -> 7",
        )
        begun = time.time()
        self.ground.objects.edit("apps/v1", "Deployment", NAMESPACE, "web", {"spec": {"replicas": 7}})
        detected, healed = self._drift(begun)
        self.narrator.measured("hand edit to recorded", detected.recorded - begun)
        self.narrator.measured("recorded to healed", max(0.0, healed.occurred - detected.recorded))
        if self._deployment()["spec"]["replicas"] != 2:
            raise Missed("the log says that the Deployment was healed, but it still has other replicas than Git")

    def deletion(self) -> None:
        self.narrator.step(
            "Somebody deletes an object",
            "A deletion leaves no trace of who: the log says that, instead of guessing.",
            f"kubectl -n {NAMESPACE} delete configmap settings",
        )
        begun = time.time()
        self.ground.objects.delete("v1", "ConfigMap", NAMESPACE, "settings")
        detected, healed = self._drift(begun)
        self.narrator.measured("deletion to recorded", detected.recorded - begun)
        self.narrator.measured("deletion to restored", healed.occurred - begun)
        if self.ground.objects.get("v1", "ConfigMap", NAMESPACE, "settings") is None:
            raise Missed("the log says that the ConfigMap was restored, but it is not there")

    def bad_release_and_revert(self) -> None:
        sync = f"{SHIPSLOG} sync --no-wait {TEAM}/{APPLICATION}"
        self.narrator.step(
            "A bad release, and the way back",
            "Its Pods ask for nodes that do not exist, so the rollout fails; `git revert` takes it back.",
            f"git push && {sync}",
            f"git revert HEAD && git push && {sync}",
        )
        bad = self.ground.worktree.publish(files("2.0", node="of-gold"), "Move to better nodes")
        begun = time.time()
        with self.narrator.waiting("found out"):
            self._ask()
            known = self._until(lambda: self._degraded(begun), "the bad release is found out", 40)
        self.narrator.output(known.body["reason"] or "Degraded")
        self.narrator.measured("bad release to known", known.occurred - begun)
        sha = self.ground.worktree.revert(bad)
        self.ground.worktree.push()
        begun = time.time()
        with self.narrator.waiting("back"):
            self._ask()
            live = self._live(sha, "1.1")
        self.narrator.measured("revert to live", live - begun)

    def metrics(self) -> None:
        self.narrator.step("The metrics of it all", "A real Prometheus has scraped every bit of the story.")
        recorded = self.ground.database.count()
        took = "shipslog_commit_to_live_seconds"
        for title, query, wanted in (
            ("syncs that ended", "sum(shipslog_runs_total)", 4),
            ("drifts detected", "sum(shipslog_drift_detected_total)", 2),
            ("drifts healed", "sum(shipslog_drift_healed_total)", 2),
            ("events recorded", "sum(shipslog_ledger_events_total)", recorded),
            ("mean seconds from commit to live", f"sum({took}_sum) / sum({took}_count)", 0.001),
        ):
            value = self._query(query, wanted)
            self.narrator.say(f"{title:<33} {value:5.3g}   {query}")

    def ledger(self) -> None:
        told = ("revision.observed", "sync.completed", "health.changed", "drift.detected", "drift.healed")
        types = [f"--type={type_}" for type_ in told]
        self.narrator.step(
            "The log of it all, from PostgreSQL",
            f"{self.ground.database.count()} events so far; these tell of revisions, syncs, health and drift.",
            f"{SHIPSLOG} audit tail {' '.join(types)}",
        )
        said = self.ground.shipslog("audit", "tail", *types)
        self.narrator.listing(said, {"drift.detected": "yellow", "drift.healed": "green", "TIME": "bold"})
        if not all(type_ in said for type_ in told):
            raise Missed("the log does not tell all of it")

    # -- looks at the world ------------------------------------------------------------------------------------------

    def _drift(self, begun: float) -> tuple[Record, Record]:
        """The drift that began with what was done by hand, and its end, as they are recorded."""
        database = self.ground.database
        with self.narrator.waiting("recorded and healed"):
            detected = self._until(
                lambda: next((one for one in database.events("drift.detected") if one.occurred >= begun), None),
                "drift.detected is recorded",
                20,
            )
            healed = self._until(
                lambda: next(
                    (one for one in database.events("drift.healed") if one.caused_by(detected)),
                    None,
                ),
                "drift.healed is recorded",
                20,
            )
        self.narrator.output(f"{detected.body['reason']}, {detected.body['occurred_at']}")
        return detected, healed

    def _live(self, sha: str, version: str) -> float:
        """Wait until the Application is ready at this commit; when its objects were written, by the log."""

        def ready() -> bool:
            status = self._status()
            conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
            at = status.get("revision", {}).get("sha")
            return at == sha and conditions.get("Ready") == "True" and not status.get("drift")

        self._until(ready, f"the Application is ready at {sha[:12]}", 30)
        image = self._deployment()["spec"]["template"]["spec"]["containers"][0]["image"]
        if image != f"example/shop:{version}":
            raise Missed(f"the Application is ready, but {image} is live")
        written = self._until(
            lambda: next((one for one in self.ground.database.events("apply.result") if one.of(sha)), None),
            "apply.result is recorded",
            20,
        )
        return written.occurred

    def _degraded(self, since: float) -> Record | None:
        verdicts = [one for one in self.ground.database.events("health.changed") if one.occurred >= since]
        return next((one for one in verdicts if one.body["detail"]["after"] == "Degraded"), None)

    def _ask(self) -> None:
        self.ground.shipslog("sync", "--no-plan", "--no-wait", f"{TEAM}/{APPLICATION}")

    def _query(self, query: str, wanted: float) -> float:
        def look() -> float:
            samples = self.ground.prometheus.query(query)
            value = samples[0].value if samples else 0.0
            return value if value >= wanted else 0.0

        return self._until(look, f"Prometheus knows {query}", 10)

    def _status(self) -> dict[str, Any]:
        found = self.ground.objects.get(API_VERSION, "Application", TEAM, APPLICATION)
        return dict(found.get("status", {})) if found else {}

    def _deployment(self) -> dict[str, Any]:
        found = self.ground.objects.get("apps/v1", "Deployment", NAMESPACE, "web")
        if found is None:
            raise Missed("the Deployment is not there")
        return dict(found)

    @staticmethod
    def _until(look: Callable[[], Found | None], what: str, seconds: float) -> Found:
        try:
            found = eventually(look, what, seconds=seconds, pause=0.03)
        except NeverCameTrueError as error:
            raise Missed(str(error).splitlines()[0]) from error
        assert found is not None
        return found

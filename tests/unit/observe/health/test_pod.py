from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, condition, row

READY = condition("Ready")
UNREADY = condition("Ready", "False", "ContainersNotReady")
UNSCHEDULABLE = condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available.")
SCHEDULED = condition("PodScheduled")


def waiting(reason: str, name: str = "web", **more: Any) -> dict[str, Any]:
    """Status of a container that waits."""
    return {"name": name, "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}, **more}


def ended(code: Any, name: str = "web") -> dict[str, Any]:
    """Status of a container that has ended."""
    return {"name": name, "ready": False, "state": {"terminated": {"exitCode": code}}}


UP = {"name": "web", "ready": True, "restartCount": 0, "state": {"running": {}}}
CRASHED = waiting("CrashLoopBackOff", restartCount=4, lastState={"terminated": {"exitCode": 137}})
PULL = waiting("ImagePullBackOff")
PULL["state"]["waiting"]["message"] = 'Back-off pulling image "shop:nope"'


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row(
            "ready",
            "Healthy",
            "1 of 1 containers are ready",
            status={"phase": "Running", "conditions": [READY], "containerStatuses": [UP]},
        ),
        row(
            "one of two ready",
            "Progressing",
            "1 of 2 containers are ready",
            status={"phase": "Running", "conditions": [UNREADY], "containerStatuses": [UP, {**UP, "ready": False}]},
        ),
        row("running, no condition", "Progressing", "0 of 0", status={"phase": "Running"}),
        row(
            "just ended, about to restart",
            "Progressing",
            "0 of 1",
            status={"phase": "Running", "conditions": [UNREADY], "containerStatuses": [ended(1)]},
        ),
        row("succeeded", "Healthy", "ended with success", status={"phase": "Succeeded"}),
        row(
            "failed with a message",
            "Degraded",
            "The Pod failed: evicted",
            status={"phase": "Failed", "message": "evicted"},
        ),
        row(
            "failed with a reason",
            "Degraded",
            "DeadlineExceeded",
            status={"phase": "Failed", "reason": "DeadlineExceeded"},
        ),
        row(
            "failed with a code",
            "Degraded",
            "Container web ended with exit code 3",
            status={"phase": "Failed", "containerStatuses": [ended(0, "side"), ended(3)]},
        ),
        row("failed without a word", "Degraded", "The Pod failed.", status={"phase": "Failed"}),
        row(
            "crash loop",
            "Degraded",
            "keeps crashing: 4 restarts, last with exit code 137",
            status={"phase": "Running", "conditions": [UNREADY], "containerStatuses": [CRASHED]},
        ),
        row(
            "crash loop of a Pod that may end",
            "Degraded",
            "keeps crashing",
            spec={"restartPolicy": "OnFailure"},
            status={"phase": "Running", "containerStatuses": [CRASHED]},
        ),
        row(
            "crash loop in init",
            "Degraded",
            "Container setup keeps crashing",
            status={"phase": "Pending", "initContainerStatuses": [{**CRASHED, "name": "setup"}]},
        ),
        row(
            "image can't be pulled",
            "Degraded",
            'ImagePullBackOff: Back-off pulling image "shop:nope"',
            status={"phase": "Pending", "containerStatuses": [PULL]},
        ),
        row(
            "first pull failed",
            "Degraded",
            "Container web can't start: ErrImagePull.",
            status={"phase": "Pending", "containerStatuses": [waiting("ErrImagePull")]},
        ),
        row(
            "image name",
            "Degraded",
            "InvalidImageName",
            status={"phase": "Pending", "containerStatuses": [waiting("InvalidImageName")]},
        ),
        row(
            "Secret missing",
            "Degraded",
            "CreateContainerConfigError",
            status={"phase": "Pending", "containerStatuses": [waiting("CreateContainerConfigError")]},
        ),
        row(
            "being created",
            "Progressing",
            "being created",
            status={"phase": "Pending", "conditions": [SCHEDULED], "containerStatuses": [waiting("ContainerCreating")]},
        ),
        row(
            "init runs",
            "Progressing",
            "1 of 2 init containers are done",
            status={
                "phase": "Pending",
                "conditions": [SCHEDULED],
                "initContainerStatuses": [ended(0), waiting("PodInitializing")],
                "containerStatuses": [waiting("PodInitializing")],
            },
        ),
        row(
            "init failed once",
            "Progressing",
            "0 of 1 init containers are done",
            status={"phase": "Pending", "conditions": [SCHEDULED], "initContainerStatuses": [ended(1)]},
        ),
        row(
            "unschedulable",
            "Progressing",
            "No node fits: 0/3 nodes are available.",
            status={"phase": "Pending", "conditions": [UNSCHEDULABLE]},
        ),
        row("not looked at", "Progressing", "waiting for a node", status={"phase": "Pending"}),
        row("no status", "Progressing", "waiting for a node"),
        row(
            "meant to end",
            "Progressing",
            "runs until they end",
            spec={"restartPolicy": "Never"},
            status={"phase": "Running", "conditions": [READY], "containerStatuses": [UP]},
        ),
        row(
            "meant to stay",
            "Healthy",
            "1 of 1",
            spec={"restartPolicy": "Always"},
            status={"phase": "Running", "conditions": [READY], "containerStatuses": [UP]},
        ),
        row("node lost", "Unknown", "does not answer", status={"phase": "Unknown"}),
        row("no such phase", "Unknown", "'Sinking'", status={"phase": "Sinking"}),
        row("number for a phase", "Unknown", "status.phase is a number where text belongs", status={"phase": 7}),
        row(
            "text for an exit code",
            "Unknown",
            "status.containerStatuses[0].state.terminated.exitCode is text",
            status={"phase": "Failed", "containerStatuses": [ended("1")]},
        ),
        row(
            "object for a list",
            "Unknown",
            "status.containerStatuses is an object where a list belongs",
            status={"phase": "Running", "containerStatuses": {"web": UP}},
        ),
        row(
            "control characters",
            "Degraded",
            "The Pod failed: a b",
            status={"phase": "Failed", "message": "a\n\x1b\x00 b"},
        ),
        row("endless message", "Degraded", "x…", status={"phase": "Failed", "message": "x" * 100_000}),
    ],
)
def test_a_pod_is_judged_by_its_phase_and_containers(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Ready is Healthy, a container that can't start or keeps dying is Degraded, all else is on its way."""
    check("v1/Pod", verdict, words, parts)

"""Health checks by CEL: order, guards, errors and bounds, in the real evaluating process."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from controller.model.health import HealthStatus
from controller.model.health_check import HealthCheck
from controller.observe.checks import LARGEST, Evaluator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def evaluator() -> AsyncIterator[Evaluator]:
    """The process, ended afterwards."""
    made = Evaluator(deadline=5.0)
    yield made
    await made.close()


def _check(current: str = "status.phase == 'Ready'", **more: str) -> HealthCheck:
    return HealthCheck(api_version="example.com/v1", kind="Database", current=current, **more)


def _object(status: Any = None, **metadata: Any) -> dict[str, Any]:
    body = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "a", "generation": 2} | metadata}
    return body if status is None else body | {"status": status}


FULL = _check(in_progress="status.phase == 'Starting'", failed="status.phase in ['Failed', 'Starting']")
READY = {"type": "Ready", "status": "True"}
ROWS = [
    ("current", FULL, {"phase": "Ready"}, "Healthy", "current is true"),
    ("failed", FULL, {"phase": "Failed"}, "Degraded", "failed is true"),
    ("in progress comes first", FULL, {"phase": "Starting"}, "Progressing", "inProgress is true"),
    ("none is true", FULL, {"phase": "Other"}, "Progressing", "not true yet"),
    ("no status", FULL, None, "Progressing", '"phase"'),
    ("an older generation", FULL, {"phase": "Ready", "observedGeneration": 1}, "Progressing", "generation 1 of 2"),
    ("an absent field beside a true one", _check("status.x == 1 || status.y == 2"), {"y": 2}, "Healthy", ""),
    (
        "conditions",
        _check("status.conditions.filter(c, c.type == 'Ready').all(c, c.status == 'True')"),
        {"conditions": [READY]},
        "Healthy",
        "",
    ),
    ("the whole object", _check("self.metadata.name == 'a' && kind == 'Database'"), None, "Healthy", ""),
    ("no CEL", _check("status.phase = 1"), {}, "Unknown", "current: INVALID_ARGUMENT"),
    ("no such name", _check("nothing == 1"), {}, "Unknown", "undeclared reference"),
    ("neither true nor false", _check("status.phase"), {"phase": "x"}, "Unknown", "neither true nor false"),
    ("other types", _check("status.phase > 3"), {"phase": "x"}, "Unknown", "current"),
    (
        "too many iterations",
        _check("status.l.all(a, status.l.all(b, status.l.all(c, a + b + c >= 0)))"),
        {"l": list(range(1000))},
        "Unknown",
        "Iteration budget exceeded",
    ),
    ("too large an object", _check("true"), {"text": "x" * LARGEST}, "Unknown", "bytes"),
]


@pytest.mark.parametrize(
    ("check", "status", "verdict", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
async def test_the_first_expression_that_is_true_decides(
    evaluator: Evaluator, check: HealthCheck, status: Any, verdict: str, words: str
) -> None:
    """inProgress, failed, current; what can't be evaluated is Unknown, and says which expression and why."""
    found = await evaluator.health(check, _object(status))

    assert (found.status, words in found.message) == (HealthStatus(verdict), True), found.message


async def test_what_is_opted_out_or_on_its_way_out_is_not_evaluated(evaluator: Evaluator) -> None:
    """The annotation and a deletion decide before any expression."""
    out = await evaluator.health(_check("false"), _object(annotations={"shipslog.dev/health": "ignore"}))
    leaving = await evaluator.health(_check("true"), _object(deletionTimestamp="2026-01-01T00:00:00Z"))

    assert (out.status, leaving.status) == (HealthStatus.HEALTHY, HealthStatus.PROGRESSING)
    assert evaluator._new.pid is None


SLOW = _check("status.l.all(a, !status.s.matches('(a|b|ab)*c') && !status.s.matches('(a|ab|b)*c'))")
HEAVY = {"l": list(range(9000)), "s": "ab" * 200_000}


async def test_an_expression_that_takes_too_long_is_ended_and_not_tried_again(evaluator: Evaluator) -> None:
    """The deadline kills the process; others are evaluated in a new one, and the slow check waits."""
    assert (await evaluator.health(SLOW, _object({"l": [], "s": ""}))).status is HealthStatus.HEALTHY
    first = evaluator._known
    assert (await evaluator.health(SLOW, _object({"l": [], "s": ""}))).status is HealthStatus.HEALTHY
    pid = first.pid
    assert pid is not None
    evaluator._deadline = 0.5
    found = await evaluator.health(SLOW, _object(HEAVY))
    assert found.status is HealthStatus.UNKNOWN
    assert "took longer" in found.message
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

    evaluator._deadline = 5.0
    assert (await evaluator.health(_check(), _object({"phase": "Ready"}))).status is HealthStatus.HEALTHY
    assert (await evaluator.health(SLOW, _object(HEAVY))).status is HealthStatus.UNKNOWN
    assert first.pid is None


async def test_a_check_that_is_not_examined_in_time_is_not_tried_again_either(evaluator: Evaluator) -> None:
    """Each look asks whether it is good for anything: that may not cost its deadline each time."""
    evaluator._deadline = 0.0001
    assert await evaluator.fault(SLOW) == ""
    evaluator._deadline = 5.0
    assert await evaluator.fault(SLOW) == ""
    assert evaluator._new.pid is None
    assert "took longer" in (await evaluator.health(SLOW, _object({"l": [], "s": ""}))).message


async def test_a_check_that_never_answered_holds_back_none_that_did(evaluator: Evaluator) -> None:
    """It is evaluated in a process of its own, however long that takes."""
    ready = _object({"phase": "Ready"})
    for _ in range(2):
        await evaluator.health(_check(), ready)
    slow = asyncio.create_task(evaluator.health(SLOW, _object(HEAVY)), name="slow")
    while not evaluator._new._turn.locked():  # noqa: ASYNC110 - a lock tells nobody
        await asyncio.sleep(0)
    assert (await evaluator.health(_check(), ready)).status is HealthStatus.HEALTHY
    assert not slow.done()
    assert (await slow).status is HealthStatus.UNKNOWN


async def test_who_waits_behind_a_check_that_is_late_does_not_try_it_again(evaluator: Evaluator) -> None:
    """A hundred objects of one slow check cost its deadline once."""
    evaluator._deadline = 0.5
    async with asyncio.timeout(10):
        found = await asyncio.gather(*(evaluator.health(SLOW, _object(HEAVY)) for _ in range(100)))
    assert {health.status for health in found} == {HealthStatus.UNKNOWN}

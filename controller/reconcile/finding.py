"""What a look that went through says of the Application: above all whether it is synced, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.govern.judge import Verdict
from controller.model.application import ApplicationStatus
from controller.model.health import Health
from controller.model.run import Phase
from controller.reconcile.remarks import Remark
from controller.reconcile.rooms import NO_PRUNE
from controller.record.status import Findings, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.reconcile.rooms import Case

_NAMED = 3


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a look. `unhealed` says what could not be written back; empty when all was."""

    verdict: Verdict
    status: ApplicationStatus
    health: Health
    unhealed: str = ""
    remark: Remark | None = None


class _Synced(msgspec.Struct, frozen=True):
    """The condition Synced, and what is under way for it."""

    status: Truth
    reason: str
    message: str
    progressing: str = ""


def findings(case: Case, outcome: Outcome) -> Findings:
    """What the conditions are made of."""
    synced = _held(case, outcome) or _unwritten(case, outcome) or _in_order(case, outcome)
    run, progressing = outcome.status.last_run, synced.progressing
    if run and run.phase is Phase.WAITING:
        progressing = f"waiting for health: {outcome.health.message}"
    return Findings(
        generation=case.app.generation,
        synced=synced.status,
        reason=synced.reason,
        message=synced.message,
        health=outcome.health,
        progressing=progressing,
        stalled=outcome.verdict.message if outcome.verdict.refused else "",
        contested=_several(case.memory.fights.contested()),
    )


def _held(case: Case, outcome: Outcome) -> _Synced | None:
    """It is not to be written, or not now."""
    if not outcome.verdict.allowed:
        return _Synced("False", outcome.verdict.reason, outcome.verdict.message)
    if case.held:
        return _Synced("False", "Drifted", _several(f"{name}: {why}" for name, why in case.held.items()))
    return None


def _unwritten(case: Case, outcome: Outcome) -> _Synced | None:
    """It was to be written, and was not, or stays against Git."""
    run = outcome.status.last_run
    if run and not run.applied and run.phase is Phase.FAILED:
        again = "trying again" if run.attempt < case.app.spec.sync.retry.limit else ""
        return _Synced("False", "ApplyFailed", run.message, again)
    if outcome.unhealed:
        return _Synced("False", "HealFailed", outcome.unhealed, "trying again")
    if unpruned := [name for name, why in case.memory.kept.items() if why == NO_PRUNE]:
        return _Synced("False", "PruneSkipped", f"objects that left Git stay: {NO_PRUNE}: {_several(unpruned)}")
    return None


def _in_order(case: Case, outcome: Outcome) -> _Synced:
    """It stands as Git says, whatever else there is to remark."""
    # The revision that the objects came with: a commit elsewhere in the repository is no news of this Application.
    revision = f"revision {outcome.status.revision.sha[:8]}"
    message = "; ".join((revision, *case.wish.warnings, *case.memory.notes.values()))
    if case.memory.kept:
        message += f"; kept, though not in Git: {_several(f'{name} ({why})' for name, why in case.memory.kept.items())}"
    said = outcome.remark
    if said is None:
        return _Synced("True", "Synced", message)
    status: Truth = "False" if said.fault else "True"
    return _Synced(status, said.reason, f"{message}; {said.message}", said.message if said.passing else "")


def _several(sentences: Iterable[str]) -> str:
    told = list(sentences)
    return "; ".join(told[:_NAMED]) + (f" and {len(told) - _NAMED} more" if len(told) > _NAMED else "")

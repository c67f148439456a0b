"""Every question, in the order in which they are asked: a module each, which measures one thing.

A question is a class that is made with what was asked for (`Asked`) and satisfies `Question`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.questions.commit import Commit
from tests.benchmarks.questions.drift_at_once import DriftAtOnce
from tests.benchmarks.questions.drift_one_by_one import DriftOneByOne
from tests.benchmarks.questions.growth import Growth
from tests.benchmarks.questions.large import Large
from tests.benchmarks.questions.load import Load
from tests.benchmarks.questions.monorepo import Monorepo
from tests.benchmarks.questions.planes import Planes
from tests.benchmarks.questions.restart import Restarted
from tests.benchmarks.questions.shared_base import SharedBase
from tests.benchmarks.questions.simulated import Simulated
from tests.benchmarks.questions.steady import StandingStill
from tests.benchmarks.questions.variants import Variants

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.question import Asked, Question

QUESTIONS: dict[str, Callable[[Asked], Question]] = {
    # These six are asked of the same fleet, which stands from one to the next.
    Load.name: Load,
    Commit.name: Commit,
    StandingStill.name: StandingStill,
    DriftOneByOne.name: DriftOneByOne,
    DriftAtOnce.name: DriftAtOnce,
    Restarted.name: Restarted,
    Variants.name: Variants,
    SharedBase.name: SharedBase,
    Large.name: Large,
    Monorepo.name: Monorepo,
    Growth.name: Growth,
    Planes.name: Planes,
    Simulated.name: Simulated,
}
"""By name, in order."""
QUICK = (Load.name, Commit.name, StandingStill.name, DriftOneByOne.name)
"""What `--quick` asks."""

"""A controller that is told to die once, and the unarmed one that follows it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from controller.faults import VARIABLE
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World


class Crew:
    """Keeps a controller running that is told to die once."""

    def __init__(self, world: World, where: str) -> None:
        self.world = world
        self.deaths = 0
        self._where = where
        self._signal = world.directory / "armed"
        armed = where if "?" in where else f"{where}?{self._signal}"
        self.process: ControllerProcess = world.controller(**{VARIABLE: armed})
        self.process.start(wait=False)

    def arm(self) -> None:
        """From now on the point counts."""
        self._signal.touch()

    def until(self, look: Callable[[], object], what: str) -> None:
        """Wait for something, and start an unarmed controller where the armed one has died meanwhile."""
        eventually(lambda: self._alive() and look(), what, seconds=60)

    def until_dead(self) -> None:
        """Wait until the point was reached."""
        self.until(lambda: self.deaths == 1, f"the controller died at {self._where}")

    def _alive(self) -> bool:
        code = self.process.exit_code
        if code is None:
            return True
        assert code == -signal.SIGKILL, self.process.text()[-2000:]
        self.deaths += 1
        self.process = self.world.controller()
        self.process.start()
        return False


@contextmanager
def crew(world: World, where: str) -> Iterator[Crew]:
    """The crew of a controller that is to die at a point (`controller.faults`), once it is told that this counts."""
    made = Crew(world, where)
    try:
        yield made
    finally:
        made.process.kill()

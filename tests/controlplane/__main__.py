"""Keep control planes running by hand: `python -m tests.controlplane up|down|status|reset --name one`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.controlplane.plane import ControlPlane, ControlPlaneError
from tests.ground.processes import AlreadyRunning, ProcessGroup

_CHECKOUT = Path(__file__).resolve().parents[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.controlplane", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status", "reset"])
    parser.add_argument("--name", default="one", help="of the control plane (default: one)")
    parser.add_argument("--root", type=Path, default=_CHECKOUT / ".run" / "controlplane", help="where they live")
    parser.add_argument("--binaries", type=Path, default=_CHECKOUT / ".tools" / "bin", help="of build.sh")
    return parser.parse_args()


def up(name: str, root: Path, binaries: Path) -> int:
    """Start it unless it runs; the path of its kubeconfig on standard output."""
    plane = ControlPlane.attach(name, root)
    if plane is None:
        begun = time.monotonic()
        plane = ControlPlane.start(name, root, binaries=binaries, detached=True)
        print(f"control plane {name}: ready after {time.monotonic() - begun:.1f} s", file=sys.stderr)
    print(plane.kubeconfig)
    return 0


def down(name: str, root: Path) -> int:
    """Stop it; nothing is said when it does not run."""
    group = ProcessGroup.attach(root.resolve() / name)
    if group is not None:
        group.stop()
    return 0


def status(name: str, root: Path) -> int:
    """What runs; exit code 3 when it does not (as of an init script)."""
    plane = ControlPlane.attach(name, root)
    if plane is None:
        print(f"control plane {name}: not running")
        return 3
    print(f"control plane {name}: {plane.url}\nkubeconfig: {plane.kubeconfig}")
    for component, pid in plane.pids.items():
        print(f"  {component}: pid {pid}, log {plane.directory / (component + '.log')}")
    return 0


def reset(name: str, root: Path) -> int:
    """Empty it."""
    plane = ControlPlane.attach(name, root)
    if plane is None:
        raise ControlPlaneError(f"control plane {name} does not run: python -m tests.controlplane up --name {name}")
    plane.reset()
    return 0


def main() -> int:
    """The command line; the exit code."""
    given = _arguments()
    try:
        if given.command == "up":
            return up(given.name, given.root, given.binaries)
        return {"down": down, "status": status, "reset": reset}[given.command](given.name, given.root)
    except (ControlPlaneError, AlreadyRunning, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""What the controller does not load: memory and seconds at its start."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["sqlalchemy", "alembic", "rich", "kubernetes_asyncio"])
def test_the_controller_starts_without_what_only_others_need(module: str) -> None:
    """Migrations, tables for people, and every model of the API, which a Pod's login loads in a thread."""
    code = f"import sys, controller.cli.controller; sys.exit({module!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

"""Write every dashboard's JSON beside this file: `python -m dashboards`."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.fleet import FLEET
from dashboards.panels import Dashboard, build

HERE = Path(__file__).resolve().parent
DASHBOARDS = (FLEET,)


def text(dashboard: Dashboard) -> str:
    """The JSON file of a dashboard."""
    return json.dumps(build(dashboard), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files and say which."""
    for dashboard in DASHBOARDS:
        path = HERE / f"{dashboard.name}.json"
        path.write_text(text(dashboard), encoding="utf-8")
        print(f"wrote {path.name}: {len(dashboard.panels)} panels")


if __name__ == "__main__":
    main()

"""Writes what is made of the boards and rules: Grafana's JSON and Prometheus' rule file, into the platform's chart.

python -m make.boards [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from make.grafana import as_grafana

from engineshed.telemetry.boards import BOARDS
from engineshed.telemetry.rules import as_rules

FILES = Path(__file__).resolve().parents[1] / "charts" / "platform" / "files"


def made() -> dict[Path, str]:
    """File -> what it has to hold."""
    found = {FILES / "dashboards" / f"{board.uid}.json": as_grafana(board) for board in BOARDS}
    found[FILES / "rules.yaml"] = yaml.safe_dump(as_rules(), sort_keys=False, width=1000)
    return found


def main() -> None:
    stale = [path for path, text in made().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"not current: {', '.join(path.name for path in stale)}. Run `python -m make.boards`.")
        return
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made()[path], encoding="utf-8")
    print(f"written: {', '.join(path.name for path in stale) or 'nothing, all current'}")


if __name__ == "__main__":
    main()

"""Writes what is made of the boards and rules into the charts: Grafana's JSON and Prometheus' rules for the platform,
and the same rules for dev-services, whose Prometheus has no operator that would hand it a PrometheusRule.

python -m make.boards [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from make.grafana import as_grafana

from engineshed.telemetry.boards import BOARDS
from engineshed.telemetry.rules import as_rules

CHARTS = Path(__file__).resolve().parents[1] / "charts"
# Where `make pages` has them; the chart puts the platform's own address in its place.
DAGSTER = "http://127.0.0.1:3000"
FILES = CHARTS / "platform" / "files"
RULES = tuple(CHARTS / chart / "files" / "rules.yaml" for chart in ("platform", "dev-services"))


def made() -> dict[Path, str]:
    """File -> what it has to hold."""
    found = {FILES / "dashboards" / f"{board.uid}.json": as_grafana(board, DAGSTER) for board in BOARDS}
    rules = yaml.safe_dump(as_rules(), sort_keys=False, width=1000)
    return found | dict.fromkeys(RULES, rules)


def main() -> None:
    stale = [path for path, text in made().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"not current: {_named(stale)}. Run `python -m make.boards`.")
        return
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made()[path], encoding="utf-8")
    print(f"written: {_named(stale) or 'nothing, all current'}")


def _named(paths: list[Path]) -> str:
    return ", ".join(str(path.relative_to(CHARTS)) for path in paths)


if __name__ == "__main__":
    main()

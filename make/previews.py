"""Draws a preview of each board from its own JSON and a Prometheus, for the docs: where no Grafana can be had.

    .venv/bin/python -m make.previews http://127.0.0.1:9090 docs/images/boards [--minutes 6]

A preview has the board's panels, queries, units and thresholds; fonts and colours are the plotting library's.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

FILES = Path(__file__).resolve().parents[1] / "charts" / "platform" / "files" / "dashboards"
VARIABLES = ("team", "code_location", "engine")
UNITS = {"s": " s", "currencyUSD": " $", "bytes": " B", "percentunit": " %", "ops": "/s"}
COLUMNS = 24


class Prometheus:
    """Answers of one server."""

    def __init__(self, address: str, minutes: float) -> None:
        self._address, self._seconds = address.rstrip("/"), minutes * 60

    def over_time(self, expr: str) -> list[Any]:
        """Series of the last minutes."""
        now = time.time()
        step = max(2.0, self._seconds / 120)
        return self._ask("query_range", query=self._filled(expr), start=now - self._seconds, end=now, step=step)

    def now(self, expr: str) -> list[Any]:
        """Values at this moment."""
        return self._ask("query", query=self._filled(expr))

    def _ask(self, what: str, **words: Any) -> list[Any]:
        url = f"{self._address}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return list(json.load(answer)["data"]["result"])

    def _filled(self, expr: str) -> str:
        for name in VARIABLES:
            expr = expr.replace(f"${name}", ".*")
        span = f"{max(60, round(self._seconds))}s"
        return re.sub(r"\[(1h|1d|15m)\]", f"[{span}]", expr.replace("$__rate_interval", "1m").replace("$__range", span))


def draw(board: dict[str, Any], prometheus: Prometheus, path: Path) -> None:
    """One page of one board."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    lowest = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"])
    figure = plt.figure(figsize=(14, 0.34 * lowest + 0.6), facecolor="white")
    figure.suptitle(f"{board['title']}  (preview)", x=0.02, y=0.995, ha="left", va="top", fontsize=13, weight="bold")
    top = 0.6 / (0.34 * lowest + 0.6)
    for panel in panels:
        spot = panel["gridPos"]
        left, width = spot["x"] / COLUMNS, spot["w"] / COLUMNS
        bottom, height = 1 - (spot["y"] + spot["h"]) / lowest, spot["h"] / lowest
        left_pad = 0.075 if panel["type"] == "bargauge" else 0.045
        pads = (left_pad, 0.12, left_pad + 0.015, 0.24) if spot["h"] > 4 else (0.01, 0.05, 0.02, 0.3)
        axes = figure.add_axes(
            (
                left + pads[0],
                (bottom + height * pads[1]) * (1 - top),
                width - pads[2],
                height * (1 - pads[3]) * (1 - top),
            )
        )
        axes.set_title(panel["title"], fontsize=9, loc="left")
        _KINDS[panel["type"]](axes, panel, prometheus)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _lines(axes: Any, panel: dict[str, Any], prometheus: Prometheus) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    stacked = panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {}).get("mode") == "normal"
    found = [(_name(t, s), s["values"]) for t in panel["targets"] for s in prometheus.over_time(t["expr"])]
    if stacked and found:
        times = sorted({t for _, values in found for t, _ in values})
        heights = [[_shown(dict(values).get(t, "0"), unit) for t in times] for _, values in found]
        axes.stackplot(
            [datetime.fromtimestamp(t, UTC) for t in times], heights, labels=[n for n, _ in found], alpha=0.6
        )
    else:
        for name, values in found:
            axes.plot(
                [datetime.fromtimestamp(t, UTC) for t, _ in values],
                [_shown(v, unit) for _, v in values],
                label=name,
                lw=1.3,
            )
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if step["value"] is not None and step["value"] * (100 if unit == "percentunit" else 1) < axes.get_ylim()[1]:
            axes.axhline(step["value"], color=step["color"], ls="--", lw=0.8)
    if found:
        axes.legend(fontsize=6, loc="upper left", ncols=3 if len(found) > 6 else 2, framealpha=0.7, edgecolor="none")
    _tidy(axes, unit)
    axes.set_ylim(top=axes.get_ylim()[1] * (1.5 if len(found) > 6 else 1.25))


def _with_gaps(values: list[Any], unit: str) -> tuple[list[datetime], list[float]]:
    """Moments and values; where nothing was told for a while the line is broken, as Grafana breaks it."""
    step = min((b[0] - a[0] for a, b in pairwise(values)), default=0)
    moments, shown = [], []
    for n, (t, value) in enumerate(values):
        if n and t - values[n - 1][0] > 3 * step:
            moments.append(datetime.fromtimestamp(t - step, UTC))
            shown.append(float("nan"))
        moments.append(datetime.fromtimestamp(t, UTC))
        shown.append(_shown(value, unit))
    return moments, shown


def _bars(axes: Any, panel: dict[str, Any], prometheus: Prometheus) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    found = [(_name(t, s), _shown(s["value"][1], unit)) for t in panel["targets"] for s in prometheus.now(t["expr"])]
    bars = axes.barh([name or "-" for name, _ in found], [value for _, value in found], color="#5794f2", height=0.55)
    axes.bar_label(bars, fmt="{:.3g}" + UNITS.get(unit, ""), fontsize=8, padding=3)
    axes.margins(x=0.25)
    axes.set_ylim(-0.6, max(len(found) - 0.4, 2.4))
    _tidy(axes, unit)


def _number(axes: Any, panel: dict[str, Any], prometheus: Prometheus) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    found = prometheus.now(panel["targets"][0]["expr"])
    axes.set_axis_off()
    raw = float(found[0]["value"][1]) if found else float("nan")
    colour = "grey"
    for step in defaults["thresholds"]["steps"]:
        if found and (step["value"] is None or raw >= step["value"]):
            colour = {"green": "#299c46", "yellow": "#e0a100", "red": "#d44a3a"}[step["color"]]
    text = f"{_shown(str(raw), defaults['unit']):.3g}{UNITS.get(defaults['unit'], '')}" if found else "no data"
    axes.text(0.02, 0.35, text, fontsize=24, color=colour, va="center", transform=axes.transAxes)


_KINDS = {"timeseries": _lines, "bargauge": _bars, "stat": _number}


def _tidy(axes: Any, unit: str) -> None:
    from matplotlib import dates

    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
    if axes.lines or axes.collections:
        axes.set_ylabel(UNITS.get(unit, "").strip(), fontsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.lines or axes.collections:
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(dates.AutoDateLocator(maxticks=6))  # type: ignore[no-untyped-call]


def _name(target: dict[str, Any], series: dict[str, Any]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series["metric"].get(found[1], ""), target.get("legendFormat", ""))


def _shown(value: str, unit: str) -> float:
    return float(value) * (100 if unit == "percentunit" else 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=6.0)
    words = parser.parse_args()
    words.folder.mkdir(parents=True, exist_ok=True)
    prometheus = Prometheus(words.address, words.minutes)
    for file in sorted(FILES.glob("*.json")):
        draw(json.loads(file.read_text(encoding="utf-8")), prometheus, words.folder / f"{file.stem}.png")
        print(f"written: {words.folder / file.stem}.png")


if __name__ == "__main__":
    main()

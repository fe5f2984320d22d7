"""Draws a preview of each board from its own JSON, for the docs: where no Grafana can be had.

    .venv/bin/python -m make.previews docs/images/boards [--minutes 8] [--prometheus http://127.0.0.1:9090]

Without an address the data is that of a rehearsal (make/rehearsal). A preview has the board's panels, queries, units,
legends and thresholds; fonts and colours are the plotting library's. An hour of a board is a minute here.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from make.rehearsal.stage import rehearsed

FILES = Path(__file__).resolve().parents[1] / "charts" / "platform" / "files" / "dashboards"
VARIABLES = ("team", "code_location", "engine")
COLOURS = {"green": "#299c46", "yellow": "#e0a100", "red": "#d44a3a"}
COLUMNS, COLUMN_INCH, ROW_INCH, HEAD_INCH = 24, 0.6, 0.34, 0.45
TITLE_INCH, AXIS_INCH, LEFT_INCH, RIGHT_INCH = 0.34, 0.3, 0.75, 0.15


class Prometheus:
    """Answers of one server."""

    def __init__(self, address: str, minutes: float) -> None:
        self._address, self._seconds, self._now_s = address.rstrip("/"), round(minutes * 60), round(time.time())
        self._step_s = max(2, round(self._seconds / 150))

    def over_time(self, expr: str) -> list[Any]:
        """Series of the last minutes."""
        start_s, end_s = self._now_s - self._seconds, self._now_s
        return self._ask("query_range", query=self._filled(expr), start=start_s, end=end_s, step=self._step_s)

    def now(self, expr: str) -> list[Any]:
        """Values at this moment."""
        return self._ask("query", query=self._filled(expr), time=self._now_s)

    @property
    def moments(self) -> list[float]:
        """Of which values are asked: the same for every series, whether it has one or not."""
        count = int(self._seconds // self._step_s) + 1
        return [float(self._now_s - self._seconds + n * self._step_s) for n in range(count)]

    @property
    def span(self) -> tuple[datetime, datetime]:
        """What is drawn."""
        return datetime.fromtimestamp(self._now_s - self._seconds, UTC), datetime.fromtimestamp(self._now_s, UTC)

    def _ask(self, what: str, **words: Any) -> list[Any]:
        url = f"{self._address}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return list(json.load(answer)["data"]["result"])

    def _filled(self, expr: str) -> str:
        for name in VARIABLES:
            expr = expr.replace(f"${name}", ".*")
        whole = f"{self._seconds}s"
        expr = expr.replace("$__rate_interval", "20s").replace("$__range", whole)
        for window, here in (("1d", whole), ("1h", "60s"), ("15m", "30s")):
            expr = re.sub(rf"(\[|offset ){window}\b", rf"\g<1>{here}", expr)
        return expr


def draw(board: dict[str, Any], prometheus: Prometheus, path: Path) -> None:
    """One page of one board."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    wide, high = COLUMNS * COLUMN_INCH, rows * ROW_INCH + HEAD_INCH
    figure = plt.figure(figsize=(wide, high), facecolor="white")
    title = f"{board['title']}  (preview)"
    figure.text(0.15 / wide, 1 - 0.1 / high, title, fontsize=13, weight="bold", va="top")
    for panel in board["panels"]:
        spot = panel["gridPos"]
        top = HEAD_INCH + spot["y"] * ROW_INCH
        if panel["type"] == "row":
            middle = 1 - (top + spot["h"] * ROW_INCH / 2) / high
            figure.text(0.15 / wide, middle, f"▾ {panel['title']}", fontsize=10, color="#555", va="center")
            continue
        x, width = spot["x"] * COLUMN_INCH, spot["w"] * COLUMN_INCH
        height = spot["h"] * ROW_INCH
        left = {"stat": 0.15, "table": 0.15, "bargauge": 1.4}.get(panel["type"], LEFT_INCH)
        low = 0.1 if panel["type"] in ("stat", "table") else AXIS_INCH
        place = (x + left, high - top - height + low, width - left - RIGHT_INCH, height - low - TITLE_INCH)
        axes = figure.add_axes((place[0] / wide, place[1] / high, place[2] / wide, place[3] / high))
        named = 1 - (top + 0.08) / high
        figure.text((x + 0.15) / wide, named, panel["title"], fontsize=9, weight="bold", va="top")
        _KINDS[panel["type"]](axes, panel, prometheus)
    figure.savefig(path, dpi=85)
    plt.close(figure)


def _lines(axes: Any, panel: dict[str, Any], prometheus: Prometheus) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    found = [(_name(t, s), s["values"]) for t in panel["targets"] for s in prometheus.over_time(t["expr"])]
    found = [(name, [(t, float(v)) for t, v in values if v != "NaN"]) for name, values in found]
    found = [(name, values) for name, values in found if values]
    if not found:
        _nothing(axes)
        return
    if defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal":
        times = prometheus.moments
        heights = [[told.get(t, 0.0) for t in times] for told in (dict(values) for _, values in found)]
        moments = [datetime.fromtimestamp(t, UTC) for t in times]
        axes.stackplot(moments, heights, labels=[name for name, _ in found], alpha=0.6)
    else:
        for name, values in found:
            axes.plot(*_with_gaps(values), label=name, lw=1.4)
    axes.set_ylim(bottom=0)
    axes.set_ylim(top=max(axes.get_ylim()[1], 1e-9) * (1.35 if len(found) <= 2 * 3 else 1.6))
    for value, colour in _thresholds(panel):
        if value < axes.get_ylim()[1]:
            axes.axhline(value, color=colour, ls="--", lw=0.9)
    ncols = 2 if panel["gridPos"]["w"] <= 8 else 3
    axes.legend(fontsize=7, loc="upper left", ncols=ncols, framealpha=0.7, edgecolor="none")
    axes.set_xlim(*prometheus.span)
    _tidy(axes, defaults["unit"])


def _with_gaps(values: list[tuple[float, float]]) -> tuple[list[datetime], list[float]]:
    """Moments and values; where nothing was told for a while the line is broken, as Grafana breaks it."""
    step = min((b[0] - a[0] for a, b in pairwise(values)), default=0)
    moments, shown = [], []
    for n, (t, value) in enumerate(values):
        if n and t - values[n - 1][0] > 3 * step:
            moments.append(datetime.fromtimestamp(t - step, UTC))
            shown.append(float("nan"))
        moments.append(datetime.fromtimestamp(t, UTC))
        shown.append(value)
    return moments, shown


def _bars(axes: Any, panel: dict[str, Any], prometheus: Prometheus) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    found = [(_name(t, s) or "-", float(s["value"][1])) for t in panel["targets"] for s in prometheus.now(t["expr"])]
    if not found:
        _nothing(axes)
        return
    bars = axes.barh([name for name, _ in found], [value for _, value in found], color="#5794f2", height=0.55)
    axes.bar_label(bars, [text(value, unit) for _, value in found], fontsize=8, padding=3)
    axes.set_xlim(0, 1.25 * max([value for _, value in found] + [1e-9]))
    axes.set_ylim(-0.6, max(len(found) - 0.4, 2.4))
    axes.tick_params(labelsize=8)
    axes.set_xticks([])
    _open(axes)


def _number(axes: Any, panel: dict[str, Any], prometheus: Prometheus) -> None:
    found = prometheus.now(panel["targets"][0]["expr"])
    axes.set_axis_off()
    if not found:
        _nothing(axes)
        return
    raw = float(found[0]["value"][1])
    colour = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"]
    for value, higher in _steps(panel):
        colour = higher if raw >= value else colour
    shown = text(raw, panel["fieldConfig"]["defaults"]["unit"])
    axes.text(0.0, 0.5, shown, fontsize=24, color=COLOURS[colour], va="center", transform=axes.transAxes)


def _table(axes: Any, panel: dict[str, Any], prometheus: Prometheus) -> None:
    found = [series["metric"] for target in panel["targets"] for series in prometheus.now(target["expr"])]
    axes.set_axis_off()
    if not found:
        _nothing(axes)
        return
    names = [name for name in found[0] if any(series.get(name) for series in found)]
    cells = [[_cut(series.get(name, "")) for name in names] for series in found]
    made = axes.table(cells, colLabels=names, loc="upper left", cellLoc="left", edges="horizontal")
    made.auto_set_font_size(False)
    made.set_fontsize(8)
    made.auto_set_column_width(list(range(len(names))))
    made.scale(1, 1.3)


_KINDS: dict[str, Callable[..., None]] = {"timeseries": _lines, "bargauge": _bars, "stat": _number, "table": _table}


def _steps(panel: dict[str, Any]) -> list[tuple[float, str]]:
    """From where on which colour."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [(step["value"], step["color"]) for step in steps if step["value"] is not None]


def _thresholds(panel: dict[str, Any]) -> list[tuple[float, str]]:
    return [(value, COLOURS[colour]) for value, colour in _steps(panel)]


def _nothing(axes: Any) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, "No data", fontsize=10, color="#888", ha="center", transform=axes.transAxes)


def _tidy(axes: Any, unit: str) -> None:
    from matplotlib import dates, ticker

    axes.tick_params(labelsize=7.5)
    axes.grid(alpha=0.25)
    if unit == "bytes":
        axes.yaxis.set_major_locator(ticker.MultipleLocator(2 ** max(0, math.ceil(math.log2(axes.get_ylim()[1] / 5)))))
    else:
        axes.yaxis.set_major_locator(ticker.MaxNLocator(5, integer=unit == "short" and axes.get_ylim()[1] > 2))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: text(value, unit)))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    minutes = (axes.get_xlim()[1] - axes.get_xlim()[0]) * 24 * 60
    axes.xaxis.set_major_locator(dates.MinuteLocator(interval=math.ceil(minutes / 8)))  # type: ignore[no-untyped-call]
    _open(axes)


def _open(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _name(target: dict[str, Any], series: dict[str, Any]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series["metric"].get(found[1], ""), target.get("legendFormat", ""))


def _cut(value: str) -> str:
    return value if len(value) <= 24 else f"{value[:23]}…"


def text(value: float, unit: str) -> str:
    """A value as Grafana writes it: three digits, and the prefix or the unit of time that keeps them short."""
    if unit == "percentunit":
        return f"{_digits(100 * value)}%"
    if unit == "currencyUSD":
        return f"${_scaled(value, 1000, ('', 'K', 'M'))}"
    if unit == "bytes":
        return _scaled(value, 1024, (" B", " KiB", " MiB", " GiB", " TiB", " PiB"))
    if unit == "s":
        return _time(value)
    return _scaled(value, 1000, ("", " K", " Mil", " Bil")) + (" ops/s" if unit == "ops" else "")


def _scaled(value: float, step: int, endings: tuple[str, ...]) -> str:
    for ending in endings[:-1]:
        if abs(value) < step:
            return f"{_digits(value)}{ending}"
        value /= step
    return f"{_digits(value)}{endings[-1]}"


def _time(seconds: float) -> str:
    if 0 < abs(seconds) < 1:
        return f"{_digits(1000 * seconds)} ms"
    for limit, length, unit in ((60, 1, "s"), (3600, 60, "mins"), (86400, 3600, "hours")):
        if abs(seconds) < limit:
            return f"{_digits(seconds / length)} {unit}"
    return f"{_digits(seconds / 86400)} days"


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0, help="how much is drawn, and how long a rehearsal lasts")
    parser.add_argument("--prometheus", help="address of one that has data; without: a rehearsal")
    words = parser.parse_args()
    words.folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(words.prometheus) if words.prometheus else rehearsed(words.minutes) as address:
        prometheus = Prometheus(address, words.minutes)
        for file in sorted(FILES.glob("*.json")):
            draw(json.loads(file.read_text(encoding="utf-8")), prometheus, words.folder / f"{file.stem}.png")
            print(f"written: {words.folder / file.stem}.png")


if __name__ == "__main__":
    main()

"""The reference page of metrics and alerts, read off their tables."""

from __future__ import annotations

from engineshed.telemetry.boards import BOARDS
from engineshed.telemetry.metrics import METRICS, SERIES_CAP, Kind, Metric
from engineshed.telemetry.rules import ALERTS, OBJECTIVE, RECORDINGS


def metrics() -> str:
    """docs/reference/metrics.md, without its head."""
    lines = [
        "# Metrics and alerts\n",
        f"What `engineshed exporter` serves; at most {SERIES_CAP:,} series of one metric.\n",
    ]
    lines += ["| metric | type | counts | labels | means |", "|---|---|---|---|---|"]
    lines += [f"| `{m.name}` | {m.kind} | {m.unit} | {', '.join(m.labels) or '-'} | {_means(m)} |" for m in METRICS]
    lines += ["", "## Boards\n", "| board | shows |", "|---|---|"]
    lines += [f"| {board.title} (`{board.uid}`) | {board.description} |" for board in BOARDS]
    lines += [
        "",
        "## Alerts\n",
        f"Of a team's attempts {OBJECTIVE:.0%} are to end well over thirty days; burn rates are held against that.\n",
        "| alert | severity | holds for | what to do |",
        "|---|---|---|---|",
    ]
    lines += [f"| {a.name} | {a.severity} | {a.lasting} | [{a.runbook}](../runbooks/{a.runbook}.md) |" for a in ALERTS]
    lines += ["", f"Recorded: {', '.join(f'`{r.name}`' for r in RECORDINGS)}.", ""]
    return "\n".join(lines)


def _means(metric: Metric) -> str:
    if metric.kind is not Kind.HISTOGRAM:
        return metric.help
    bounds = ", ".join(f"{bound:g}" for bound in metric.buckets)
    return f"{metric.help} Buckets: {bounds}. {metric.why_buckets}"

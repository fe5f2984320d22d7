"""From a Result to what people see in Dagster: numbers that can be plotted, tables, the plan as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg

from engineshed.model.check import CheckOutcome
from engineshed.running.result import Published, Result

_LONG_JSON = 100_000

BY_PARTITION = "by_partition"
"""Key of a driver's report, and of a check's outcome, under which they say things of each partition apart."""


def materialisation_metadata(
    result: Result, published: Published | None, drawn: Mapping[str, dg.MetadataValue[Any]]
) -> dict[str, dg.MetadataValue[Any]]:
    """Metadata of one published partition, or of a run that published none. Dagster shows it in this order: what the
    data is like, then how it was made, where to read more, and last what only a machine or an auditor asks for.
    """
    report = result.reported.report
    # Twice: for the first place, and for the last word where the driver's report has a number of the same name.
    return {
        **drawn,
        **report_metadata({name: value for name, value in report.items() if name not in (BY_PARTITION, "inputs")}),
        **(partition_metadata(published, report) if published is not None else {}),
        **drawn,
        **_decision(result),
        **_reading(result),
        **_record(result),
    }


def partition_metadata(
    published: Published, report: Mapping[str, Any] | None = None
) -> dict[str, dg.MetadataValue[Any]]:
    """What the driver's report says of one published partition, then its tables in numbers."""
    said = ((report or {}).get(BY_PARTITION) or {}).get(published.ref.partition or "")
    metadata = report_metadata(said) if isinstance(said, Mapping) else {}
    for table, rows in published.rows.items():
        metadata[f"rows/{table}"] = dg.MetadataValue.int(rows)
    if len(published.rows) == 1:
        metadata["dagster/row_count"] = dg.MetadataValue.int(next(iter(published.rows.values())))
    for table, size_bytes in published.size_bytes.items():
        metadata[f"bytes/{table}"] = dg.MetadataValue.int(size_bytes)
    for table, digest in published.hashes.items():
        if digest is not None:
            metadata[f"dataset_hash/{table}"] = dg.MetadataValue.text(str(digest))
    metadata["commit/digest"] = dg.MetadataValue.text(published.ref.digest)
    if published.upstream:
        metadata["commit/upstream"] = dg.MetadataValue.md(_upstream(published))
    return metadata


def check_metadata(outcome: CheckOutcome) -> dict[str, dg.MetadataValue[Any]]:
    """What a check found; of several partitions as one table."""
    found = outcome.metadata.get(BY_PARTITION)
    if not isinstance(found, Mapping):
        return {name: typed(value) for name, value in outcome.metadata.items()}
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    lines = [f"| partition | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for partition, values in found.items():
        cells = [_cell(str(values.get(name, ""))) for name in names]
        lines.append(f"| {_cell(str(partition))} | {' | '.join(cells)} |")
    return {BY_PARTITION: dg.MetadataValue.md("\n".join(lines))}


def _decision(result: Result) -> dict[str, dg.MetadataValue[Any]]:
    """Where it ran, why there, for how long and for how much."""
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "engineshed/engine": dg.MetadataValue.text(result.engine),
        "engineshed/offer": dg.MetadataValue.text(result.offer),
        "engineshed/mode": dg.MetadataValue.text(str(result.mode)),
        "engineshed/seconds": dg.MetadataValue.float(round(result.seconds, 3)),
    }
    if result.cost is not None:
        metadata["engineshed/cost_usd"] = dg.MetadataValue.float(float(result.cost.total_usd))
        metadata["engineshed/cost_basis"] = dg.MetadataValue.text(str(result.cost.basis))
    expected = result.plan.get("chosen") or {}
    for name in ("hours", "cost_usd"):
        if expected.get(name) is not None:
            metadata[f"engineshed/forecast_{name}"] = dg.MetadataValue.float(float(expected[name]))
    metadata["engineshed/plan"] = dg.MetadataValue.md(plan_markdown(result.plan))
    for n, warning in enumerate(result.warnings, start=1):
        metadata[f"warning/{n}"] = dg.MetadataValue.text(warning)
    return metadata


def _reading(result: Result) -> dict[str, dg.MetadataValue[Any]]:
    return {
        f"link/{name}": dg.MetadataValue.url(link) if "://" in link else dg.MetadataValue.path(link)
        for name, link in result.links.items()
    }


def _record(result: Result) -> dict[str, dg.MetadataValue[Any]]:
    """What was metered and counted, and the provenance."""
    metadata: dict[str, dg.MetadataValue[Any]] = {}
    if result.usage is not None:
        for name, measure in result.usage.measures.items():
            metadata[f"engineshed/{name}"] = dg.MetadataValue.float(float(measure))
    return {
        **metadata,
        "engineshed/attempts": dg.MetadataValue.int(result.attempts),
        "engineshed/adopted": dg.MetadataValue.bool(result.adopted),
        "engineshed/messages": dg.MetadataValue.int(result.messages),
        "engineshed/token": dg.MetadataValue.text(result.token),
        "engineshed/native_id": dg.MetadataValue.text(result.native_id),
        "engineshed/ordinal": dg.MetadataValue.int(result.ordinal),
        "engineshed/provenance": dg.MetadataValue.json(json.loads(json.dumps(result.provenance, default=str))),
    }


def report_metadata(report: Mapping[str, Any]) -> dict[str, dg.MetadataValue[Any]]:
    """The payload's own report: numbers as numbers, groups of numbers as a table and as numbers, the rest as JSON."""
    metadata: dict[str, dg.MetadataValue[Any]] = {}
    for name, value in report.items():
        if isinstance(value, Mapping) and value and all(_is_number(v) for v in value.values()):
            metadata[name] = dg.MetadataValue.md(_counts(value))
            metadata.update({f"{name}/{k}": _number(v) for k, v in value.items()})
        else:
            metadata[name] = typed(value)
    return metadata


def typed(value: Any) -> dg.MetadataValue[Any]:
    """A plain JSON value as the metadata type that fits it."""
    if isinstance(value, bool):
        return dg.MetadataValue.bool(value)
    if _is_number(value):
        return _number(value)
    if isinstance(value, str):
        return (
            dg.MetadataValue.url(value) if value.startswith(("http://", "https://")) else dg.MetadataValue.text(value)
        )
    if isinstance(value, Mapping) and set(value) == {"raw_value", "type"}:
        return _external(value["raw_value"], str(value["type"]))
    text = json.dumps(value, default=str)
    if len(text) > _LONG_JSON:
        return dg.MetadataValue.text(f"{text[:_LONG_JSON]} ... ({len(text)} characters)")
    return dg.MetadataValue.json(json.loads(text))


def plan_markdown(plan: Mapping[str, Any]) -> str:
    """The recorded plan as a table."""
    lines = ["| | engine | offer | forecast | basis | why |", "|---|---|---|---|---|---|"]
    decided = list(plan.get("decided_by", []))
    for place, c in enumerate(plan.get("candidates", [])):
        cost = "unknown" if c["cost_usd"] is None else f"${c['cost_usd']}"
        why = (decided[-1] if decided else "") if place == 0 else f"ranked {place + 1}"
        mark = "**chosen**" if place == 0 else "possible"
        lines.append(f"| {mark} | {c['engine']} | {c['offer']} | {cost} | {c['basis']} | {_cell(why)} |")
    for r in plan.get("rejections", []):
        lines.append(f"| rejected | {r['engine']} | {r['offer'] or '-'} | - | - | {_cell(r['reason'])} |")
    return "\n".join([*lines, "", *(f"1. {_cell(line)}" for line in decided)])


def _upstream(published: Published) -> str:
    lines = ["| asset | partition | ordinal | digest |", "|---|---|---:|---|"]
    for ref in published.upstream:
        lines.append(f"| {ref.asset} | {_cell(ref.partition or '-')} | {ref.ordinal} | {ref.digest[:16]} |")
    return "\n".join(lines)


def _external(raw: Any, kind: str) -> dg.MetadataValue[Any]:
    """Pipes' own typed metadata, as a stock script reports it."""
    makers = {
        "text": dg.MetadataValue.text,
        "url": dg.MetadataValue.url,
        "path": dg.MetadataValue.path,
        "notebook": dg.MetadataValue.notebook,
        "json": dg.MetadataValue.json,
        "md": dg.MetadataValue.md,
        "float": dg.MetadataValue.float,
        "int": dg.MetadataValue.int,
        "bool": dg.MetadataValue.bool,
        "timestamp": dg.MetadataValue.timestamp,
        "asset": lambda key: dg.MetadataValue.asset(dg.AssetKey.from_user_string(str(key))),
    }
    if kind in makers:
        return makers[kind](raw)  # type: ignore[no-any-return,operator]
    return dg.MetadataValue.null() if kind == "null" else typed(raw)


def _counts(counts: Mapping[str, Any]) -> str:
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(["| | |", "|---|---:|", *(f"| {_cell(str(k))} | {v:,} |" for k, v in rows)])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: float) -> dg.MetadataValue[Any]:
    return dg.MetadataValue.int(value) if isinstance(value, int) else dg.MetadataValue.float(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

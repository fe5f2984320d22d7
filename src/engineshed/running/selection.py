"""Reads from a Dagster context every partition of the run: keys, dimensions, windows, range.

Dagster's own Pipes context holds none of it for a single-run backfill; here one key and a thousand take the same way.
"""

from __future__ import annotations

import dagster as dg

from engineshed.model.errors import JobInvalid
from engineshed.model.partition import PartitionSelection, Window

DEFAULT_DIMENSION = "default"


def selection_of(context: dg.AssetExecutionContext) -> PartitionSelection:
    """The partitions of the run; empty for an asset without partitions.

    Raises JobInvalid for a partitioned asset in a run that names no partition: its rows would belong to none.
    """
    definition = context.assets_def.partitions_def
    if definition is None:
        return PartitionSelection()
    if not context.has_partition_key and not context.has_partition_key_range:
        raise JobInvalid(
            f"asset {'/'.join(context.asset_key.path)!r} has partitions, but run {context.run.run_id} names none: "
            "launch it for a partition, or as a backfill."
        )
    keys = tuple(str(key) for key in context.partition_keys)
    by_key = {key: _dimensions(key, definition) for key in keys}
    return PartitionSelection(
        keys=keys,
        by_key=by_key,
        windows=_windows(by_key, definition),
        key_range=(keys[0], keys[-1]) if context.has_partition_key_range and len(keys) > 1 else None,
    )


def _dimensions(key: str, definition: dg.PartitionsDefinition) -> dict[str, str]:
    if isinstance(definition, dg.MultiPartitionsDefinition):
        multi = definition.get_partition_key_from_str(key)
        return {dimension: str(value) for dimension, value in multi.keys_by_dimension.items()}
    return {DEFAULT_DIMENSION: key}


def _windows(by_key: dict[str, dict[str, str]], definition: dg.PartitionsDefinition) -> dict[str, dict[str, Window]]:
    windows: dict[str, dict[str, Window]] = {}
    for dimension, inner in _inner(definition).items():
        if not isinstance(inner, dg.TimeWindowPartitionsDefinition):
            continue
        values = {values[dimension] for values in by_key.values()}
        spans = {value: inner.time_window_for_partition_key(value) for value in sorted(values)}
        windows[dimension] = {
            value: Window(start=span.start.isoformat(), end=span.end.isoformat()) for value, span in spans.items()
        }
    return windows


def _inner(definition: dg.PartitionsDefinition) -> dict[str, dg.PartitionsDefinition]:
    if isinstance(definition, dg.MultiPartitionsDefinition):
        return {d.name: d.partitions_def for d in definition.partitions_defs}
    return {DEFAULT_DIMENSION: definition}

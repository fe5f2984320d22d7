"""From a Dagster context to an Order: mode and engine overrides, upstream commits pinned, the stock Pipes fields
filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from engineshed.model.backfill import BACKFILL_TAG
from engineshed.model.commit import CommitRef
from engineshed.model.errors import JobInvalid
from engineshed.model.job import Mode, SparkJob
from engineshed.model.objective import Layer
from engineshed.model.partition import PartitionSelection
from engineshed.running.declared import from_metadata
from engineshed.running.order import Declared, Order
from engineshed.storage.datasets import Datasets


def asset_name(key: dg.AssetKey) -> str:
    """The key's parts joined by `/`: how datasets, ledger and settings name an asset."""
    return "/".join(key.path)


def make_order(
    context: dg.AssetExecutionContext,
    *,
    job: SparkJob,
    mode: Mode,
    selection: PartitionSelection,
    inputs: Sequence[dg.AssetKey],
    layers: tuple[Layer, ...],
    team: str,
    code_location: str,
    datasets: Datasets,
    provenance: Mapping[str, Any],
) -> Order:
    """The order for this step. Raises JobInvalid when an upstream partition is not published in the mode."""
    job = job.in_mode(mode)
    places = dict.fromkeys(found for place in job.data for found in selection.placed(place))
    return Order(
        asset=asset_name(context.asset_key),
        job=replace(job, data=tuple(places)),
        mode=mode,
        team=team,
        code_location=code_location,
        selection=selection,
        inputs=_pinned(context, inputs, selection, mode, datasets),
        layers=layers,
        asset_group=context.assets_def.specs_by_key[context.asset_key].group_name or "",
        pipes=_stock_fields(context, selection),
        provenance=provenance,
        ahead=_ahead(context, mode),
        backfill=context.run.tags.get(BACKFILL_TAG, ""),
    )


def _ahead(context: dg.AssetExecutionContext, mode: Mode) -> tuple[Declared, ...]:
    """The run's other Spark assets that have not ended before this one starts: those that are not upstream of it."""
    layer = context.job_def.asset_layer
    own = context.asset_key
    graph = layer.asset_graph
    done = {own, *graph.get_ancestor_asset_keys(own)}
    selected = graph.get_all_asset_keys() & (context.run.asset_selection or layer.selected_asset_keys)
    found = []
    for key in sorted(set(selected) - done):
        node = graph.get(key)
        declared = from_metadata(asset_name(key), node.metadata, map(asset_name, sorted(node.parent_keys)))
        if declared is not None:
            found.append(replace(declared, job=_in_mode(declared.job, mode)))
    return tuple(found)


def _in_mode(job: SparkJob, mode: Mode) -> SparkJob:
    """As it will run; a job without a sample fails in its own step, not in this one's plan."""
    return job if mode is Mode.SAMPLE and job.sample is None else job.in_mode(mode)


def _pinned(
    context: dg.AssetExecutionContext,
    inputs: Sequence[dg.AssetKey],
    selection: PartitionSelection,
    mode: Mode,
    datasets: Datasets,
) -> dict[str, tuple[CommitRef, ...]]:
    """own key ('' when unpartitioned) -> the upstream commits it reads, as they are now."""
    there = {key: datasets.partitions(asset_name(key), mode) for key in inputs}
    known: dict[tuple[str, str | None], CommitRef] = {}
    pinned: dict[str, tuple[CommitRef, ...]] = {}
    for own in selection.targets:
        refs: list[CommitRef] = []
        for key in inputs:
            for partition in _upstream_partitions(context, key, own, selection, there[key]):
                name = (asset_name(key), partition)
                if name not in known:
                    known[name] = _latest(datasets, *name, mode)
                refs.append(known[name])
        pinned[own or ""] = tuple(refs)
    return pinned


def _latest(datasets: Datasets, asset: str, partition: str | None, mode: Mode) -> CommitRef:
    commit = datasets.latest(asset, partition, mode)
    if commit is None:
        lacks = "no published version" if partition is None else f"no published partition {partition!r}"
        raise JobInvalid(f"asset {asset!r} has {lacks} in mode {mode}: materialise it in that mode first.")
    return commit.ref


def _upstream_partitions(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    own: str | None,
    selection: PartitionSelection,
    published: Sequence[str | None],
) -> list[str | None]:
    """Which partitions of the upstream asset one own partition reads.

    Dagster maps the run's partitions as a whole; for several own keys at once its answer is narrowed to the same key,
    then to keys that agree in their dimensions; where neither fits (time windows of another length) each own key reads
    all. Of an asset in another code location Dagster knows no partitions: what is `published` is narrowed likewise.
    """
    mapped = _mapped(context, key)
    if mapped is None:
        if None in published or not published:
            return [None]
        mapped = [p for p in published if p is not None]
    elif own is None or len(selection.keys) <= 1:
        return list(mapped)
    if own in mapped:
        return [own]
    values = set(selection.by_key.get(own or "", {}).values())
    agreeing = [k for k in mapped if set(k.split("|")) <= values]
    return list(agreeing or mapped)


def _mapped(context: dg.AssetExecutionContext, key: dg.AssetKey) -> list[str] | None:
    """The upstream partitions of the whole run by Dagster's partition mapping; None where it knows of none."""
    if context.job_def.asset_layer.get(key).partitions_def is None:
        return None
    names = [name for name, input_key in context.assets_def.keys_by_input_name.items() if input_key == key]
    try:
        return [str(k) for k in context.op_execution_context.asset_partition_keys_for_input(names[0])]
    except dg.DagsterInvariantViolationError:
        return None


def _stock_fields(context: dg.AssetExecutionContext, selection: PartitionSelection) -> dict[str, Any]:
    """The fields of dagster_pipes.PipesContextData, complete also for a run over many partitions."""
    keys = sorted(context.selected_asset_keys)
    names = [key.to_escaped_user_string() for key in keys]
    versions = context.assets_def.code_versions_by_key
    windows = [w for by_value in selection.windows.values() for w in by_value.values()]
    return {
        "asset_keys": names,
        "code_version_by_asset_key": {n: versions.get(k) for n, k in zip(names, keys, strict=True)},
        "provenance_by_asset_key": dict.fromkeys(names),
        "partition_key": selection.keys[0] if len(selection.keys) == 1 else None,
        "partition_key_range": _range(selection),
        "partition_time_window": {"start": windows[0].start, "end": windows[-1].end}
        if len(selection.windows) == 1 and windows
        else None,
        "run_id": context.run.run_id,
        "job_name": context.job_name,
        "retry_number": context.retry_number,
        "extras": {},
    }


def _range(selection: PartitionSelection) -> dict[str, str] | None:
    if not selection.keys:
        return None
    first, last = selection.key_range or (selection.keys[0], selection.keys[-1])
    return {"start": first, "end": last}

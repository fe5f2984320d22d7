"""Publishes tables that plain Python made, by the same commits as Spark's: whole partitions, numbered, fenced."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from engineshed.assets.describing import partition_metadata
from engineshed.assets.ordering import asset_name
from engineshed.assets.resource import Engineshed
from engineshed.model.job import Mode
from engineshed.running.dagster_step import DagsterStep
from engineshed.running.settling import published_of

if TYPE_CHECKING:
    import pyarrow as pa


def publish_tables(
    context: dg.AssetExecutionContext,
    engineshed: Engineshed,
    tables: Mapping[str, pa.Table],
    *,
    mode: str | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[Any]:
    """Replace the step's partition (or the whole asset) by these Arrow tables, together.

    Returns what the asset is to return.

    Raises PublishRefused when a later attempt has published already.
    """
    import pyarrow.parquet as pq

    premises, shed = engineshed.premises(), engineshed.shed()
    step = DagsterStep(context)
    run_mode = Mode(mode or context.run.tags.get("engineshed/mode") or premises.location.mode)
    asset, partition = asset_name(context.asset_key), context.partition_key if context.has_partition_key else None
    latest = shed.datasets.latest(asset, partition, run_mode)
    ordinal = shed.ledger.next_ordinal(1 + (latest.ordinal if latest else 0))
    token = step.key.token(ordinal)
    for name, table in tables.items():
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        shed.datasets.write_file(asset, partition, run_mode, token, name, buffer.getvalue())
    contents = shed.datasets.collect(asset, partition, run_mode, token, tuple(tables))
    commit = shed.datasets.publish(
        asset=asset,
        partition=partition,
        mode=run_mode,
        ordinal=ordinal,
        token=token,
        contents=contents,
        upstream=(),
        provenance={**(provenance or {}), "run_id": context.run.run_id, "image_digest": premises.image_digest},
    )
    published = published_of(commit)
    metadata = {**partition_metadata(published), "engineshed/mode": dg.MetadataValue.text(str(run_mode))}
    return dg.MaterializeResult(asset_key=context.asset_key, metadata=metadata)

"""The sensor that carries out a code location's backfills: one look at every backfill under way, at every tick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from engineshed.assets.ordering import asset_name
from engineshed.assets.overriding import TAG_PREFIX
from engineshed.assets.resource import Engineshed
from engineshed.assets.spark_asset import RESOURCE
from engineshed.model.backfill import BACKFILL_TAG, Backfill, BackfillState
from engineshed.model.errors import EngineshedError, SettingInvalid
from engineshed.running.backfill_outlook import Outlook
from engineshed.running.backfill_runs import TRY_TAG, progress_of
from engineshed.running.backfilling import Advance, advance
from engineshed.running.declared import from_metadata
from engineshed.running.definitions import BACKFILL_SENSOR
from engineshed.running.order import Declared
from engineshed.running.partition_keys import partition_keys


def backfill_sensor(
    *,
    selection: dg.AssetSelection | None = None,
    minimum_interval_seconds: int = 30,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
) -> dg.SensorDefinition:
    """Launches what `engineshed backfill-plan --submit` has recorded for this code location, chunk by chunk.

    Give a location one, among its definitions' `sensors`. selection: the assets that backfills may make; by default
    all. It needs the resource `engineshed`, runs from the start, and does nothing where no backfill is under way.
    """

    @dg.sensor(
        name=BACKFILL_SENSOR,
        description="Carries out backfills submitted by `engineshed backfill-plan --submit`.",
        asset_selection=selection or dg.AssetSelection.all(),
        required_resource_keys={RESOURCE},
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
    )
    def _carry_out(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return _look(context, getattr(context.resources, RESOURCE))

    return _carry_out


def _look(context: dg.SensorEvaluationContext, resource: Engineshed) -> dg.SensorResult | dg.SkipReason:
    """Every backfill under way is moved on; what one of them lacks keeps no other from its look."""
    premises, shed = resource.premises(), resource.shed()
    outlook = Outlook(premises, shed, _declared(context))
    lines: list[str] = []
    requests: list[dg.RunRequest] = []
    for backfill in shed.ledger.backfills(premises.location.code_location, over=False):
        try:
            moved = _advance(context, backfill, outlook)
        except EngineshedError as error:
            lines.append(f"{backfill.id}: {error}")
            continue
        lines.append(f"{backfill.id} ({moved.backfill.launched} of {len(backfill.work.partitions)}): {moved.said}")
        requests += [_request(moved, key) for key in moved.launch]
    for line in lines:
        context.log.info(line)
    if not requests:
        return dg.SkipReason("\n".join(lines) or "No backfill is under way.")
    return dg.SensorResult(run_requests=requests)


def _advance(context: dg.SensorEvaluationContext, backfill: Backfill, outlook: Outlook) -> Advance:
    if backfill.state is not BackfillState.RUNNING:
        return Advance(backfill=backfill, said=f"{backfill.state}: {backfill.reason}")
    seen = progress_of(context.instance, backfill, backfill.in_flight)
    return advance(backfill, seen, outlook, lambda: _there(context, backfill))


def _request(moved: Advance, key: str) -> dg.RunRequest:
    work = moved.backfill.work
    wishes: Mapping[str, Any] = {
        "mode": work.mode,
        "engine": work.engine,
        "value_usd_per_hour": moved.value_usd_per_hour or None,
        "deadline": work.deadline and work.deadline.isoformat(),
    }
    tags = {TAG_PREFIX + name: str(wish) for name, wish in wishes.items() if wish is not None}
    return dg.RunRequest(
        run_key=moved.backfill.run_key(key),
        partition_key=key,
        asset_selection=[dg.AssetKey(asset.split("/")) for asset in work.assets],
        tags={**tags, BACKFILL_TAG: moved.backfill.id, TRY_TAG: str(moved.backfill.tries)},
    )


def _declared(context: dg.SensorEvaluationContext) -> list[Declared]:
    graph = _repository(context).asset_graph
    nodes = [graph.get(key) for key in sorted(graph.materializable_asset_keys)]
    found = (from_metadata(asset_name(n.key), n.metadata, map(asset_name, sorted(n.parent_keys))) for n in nodes)
    return [declared for declared in found if declared is not None]


def _there(context: dg.SensorEvaluationContext, backfill: Backfill) -> frozenset[str]:
    """All partitions that its assets have now. Where they have none in common, none: the backfill is paused for it."""
    graph = _repository(context).asset_graph
    keys = {asset: dg.AssetKey(asset.split("/")) for asset in backfill.work.assets}
    try:
        definitions = {asset: graph.get(key).partitions_def for asset, key in keys.items() if graph.has(key)}
        return frozenset(partition_keys(definitions, context.instance)) if definitions else frozenset()
    except SettingInvalid:
        return frozenset()


def _repository(context: dg.SensorEvaluationContext) -> dg.RepositoryDefinition:
    assert context.repository_def is not None, "Dagster gives a sensor its repository"
    return context.repository_def

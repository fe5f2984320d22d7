"""`spark_asset`: a Spark asset is declared once; where each partition runs is decided when it runs."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from engineshed.assets.checks import DataCheck, PartitionTables
from engineshed.assets.delivering import deliver, failure_of, refused_checks
from engineshed.assets.ordering import make_order
from engineshed.assets.overriding import RunOverride, run_mode, run_override
from engineshed.assets.resource import Engineshed
from engineshed.model.check import CheckOutcome
from engineshed.model.errors import ChecksFailed, EngineshedError
from engineshed.model.job import SparkJob
from engineshed.model.objective import Objective
from engineshed.running.dagster_step import DagsterStep
from engineshed.running.declared import DECLARED, as_metadata, asset_layer
from engineshed.running.last_word import last_word
from engineshed.running.order import Order
from engineshed.running.premises import Premises
from engineshed.running.result import Result
from engineshed.running.roster import require_engines
from engineshed.running.route import finish
from engineshed.running.settling import Contents
from engineshed.running.shed import Shed
from engineshed.running.staging import content_digest

Illustrate = Callable[[PartitionTables], Mapping[str, dg.MetadataValue[Any]]]
"""Draws what one published partition holds: metadata by name."""

RESOURCE = "engineshed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What was declared of one asset, beyond Dagster's own fields."""

    job: SparkJob
    inputs: tuple[dg.AssetKey, ...]
    objective: Objective
    checks: tuple[DataCheck, ...]
    illustrate: Illustrate | None
    provenance: Mapping[str, Any] = field(default_factory=dict)


@last_word()
def spark_asset(
    key: dg.AssetKey | str | Sequence[str],
    job: SparkJob,
    *,
    team: str,
    inputs: Sequence[dg.AssetKey | str | dg.AssetDep] = (),
    deps: Sequence[dg.AssetKey | str | dg.AssetDep] = (),
    objective: Objective | None = None,
    checks: Sequence[DataCheck] = (),
    check_specs: Sequence[dg.AssetCheckSpec] = (),
    illustrate: Illustrate | None = None,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
    owners: Sequence[str] = (),
    kinds: set[str] | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    code_version: str | None = None,
    **dagster_fields: Any,
) -> dg.AssetsDefinition:
    """A Dagster asset whose data a Spark job makes.

    inputs: upstream assets whose published tables the job reads (they become dependencies too); deps: dependencies of
    other kinds. team: owner; added to `owners` and `tags`. checks: run over the tables before they are published.
    check_specs: checks that the script itself reports through Pipes; one that it does not report is shown as failed.
    illustrate: metadata drawn from each published partition. code_version: by default the hash of script and modules.
    dagster_fields: everything else that `dagster.asset` takes, such as group_name, pool, description, backfill_policy,
    retry_policy, automation_condition.

    Raises, at load, JobInvalid when the script or a module is missing, and SettingInvalid when the objective names an
    engine that is not installed.
    """
    asset_key = dg.AssetKey.from_coercible(key)
    if objective is not None:
        named = {*objective.preferred, *objective.forbidden, *filter(None, [objective.pinned])}
        require_engines(f"asset {'/'.join(asset_key.path)!r}: objective", sorted(named))
    upstream = [d if isinstance(d, dg.AssetDep) else dg.AssetDep(dg.AssetKey.from_coercible(d)) for d in inputs]
    declared = Declaration(
        job=job,
        inputs=tuple(d.asset_key for d in upstream),
        objective=objective or Objective(),
        checks=tuple(checks),
        illustrate=illustrate,
    )

    asset = _asset(
        key=asset_key,
        deps=[*upstream, *deps],
        partitions_def=partitions_def,
        owners=[*dict.fromkeys([f"team:{team}", *owners])],
        kinds=kinds if kinds is not None else {"spark"},
        tags={"team": team, **(tags or {})},
        metadata={
            "engineshed/job": job.name,
            "engineshed/tables": ", ".join(job.tables),
            DECLARED: as_metadata(job, declared.objective),
            **(metadata or {}),
        },
        code_version=code_version or content_digest(job)[:16],
        check_specs=[
            *(
                dg.AssetCheckSpec(c.name, asset=asset_key, description=c.description, blocking=c.blocking)
                for c in checks
            ),
            *check_specs,
        ],
        required_resource_keys={RESOURCE},
        **dagster_fields,
    )

    def _spark_asset(context: dg.AssetExecutionContext, config: RunOverride) -> Iterator[Any]:
        yield from _materialize(context, config, declared)

    return asset(_spark_asset)


def _asset(**fields: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dg.asset` without its warning, at every load and for every asset, that backfill policies are beta: the pinned
    release has them.
    """

    def made(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            definition: dg.AssetsDefinition = dg.asset(**fields)(compute)
        return definition

    return made


def _materialize(context: dg.AssetExecutionContext, config: RunOverride, declared: Declaration) -> Iterator[Any]:
    resource: Engineshed = getattr(context.resources, RESOURCE)
    try:
        step = DagsterStep(context)
        premises, shed = resource.premises(), resource.shed()
        order = _order(context, step, config, declared, premises, shed)
        result = finish(step, order, shed, _audit(order, declared, shed))
    except ChecksFailed as error:
        yield from refused_checks(context.asset_key, error)
        raise failure_of(error) from error
    except EngineshedError as error:
        raise failure_of(error) from error
    yield from deliver(context, result, _drawings(context, order, result, declared, shed))


def _order(
    context: dg.AssetExecutionContext,
    step: DagsterStep,
    config: RunOverride,
    declared: Declaration,
    premises: Premises,
    shed: Shed,
) -> Order:
    location = premises.location
    provenance = {
        "image_digest": premises.image_digest,
        "lock_hash": premises.lock_hash,
        "settings": {"engines": {name: dict(engine.settings()) for name, engine in shed.engines.items()}},
    }
    return make_order(
        context,
        job=declared.job,
        mode=run_mode(context, config, location.mode),
        selection=step.selection,
        inputs=declared.inputs,
        layers=premises.layers(run_override(context, config), asset_layer(declared.objective)),
        team=location.team,
        code_location=location.code_location,
        datasets=shed.datasets,
        provenance=provenance,
    )


def _audit(order: Order, declared: Declaration, shed: Shed) -> Callable[[Contents], Sequence[CheckOutcome]]:
    def audit(contents: Contents) -> Sequence[CheckOutcome]:
        partitions = [
            PartitionTables(
                partition=target,
                contents={t.name: t for t in tables},
                upstream=order.inputs.get(target or "", ()),
                datasets=shed.datasets,
            )
            for target, tables in contents.items()
        ]
        return [check.over(partitions) for check in declared.checks]

    return audit


def _drawings(
    context: dg.AssetExecutionContext, order: Order, result: Result, declared: Declaration, shed: Shed
) -> dict[str | None, Mapping[str, dg.MetadataValue[Any]]]:
    """The drawings of each published partition. A drawing that fails is said and left out: the data is good."""
    if declared.illustrate is None:
        return {}
    drawn: dict[str | None, Mapping[str, dg.MetadataValue[Any]]] = {}
    for published in result.published:
        commit = shed.datasets.at(published.ref)
        tables = PartitionTables(
            partition=commit.partition,
            contents={t.name: t for t in commit.tables},
            upstream=commit.upstream,
            datasets=shed.datasets,
        )
        try:
            drawn[commit.partition] = declared.illustrate(tables)
        except Exception as error:  # noqa: BLE001  # drawings are users' code; published data stays published
            context.log.warning("Could not draw %s %s: %r", commit.asset, commit.partition or "", error)
    return drawn

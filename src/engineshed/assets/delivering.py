"""Hands a result or an error to Dagster, as its own events and exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from engineshed.assets.describing import check_metadata, materialisation_metadata, typed
from engineshed.model.check import CheckOutcome
from engineshed.model.errors import ChecksFailed, EngineshedError, LeaseLost, NoOffer, RunFailed
from engineshed.running.result import Result

_DETAIL_CHARACTERS = 20_000

Drawings = Mapping[str | None, Mapping[str, dg.MetadataValue[Any]]]


def deliver(context: dg.AssetExecutionContext, result: Result, drawings: Drawings) -> Iterator[Any]:
    """One MaterializeResult with its checks; metadata of each partition goes to that partition's event."""
    stock = _stock_metadata(context.asset_key, result)
    metadata: dict[str, dg.MetadataValue[Any]] = {}
    if len(result.published) > 1:
        # Nothing is left for the whole step: Dagster would put it first on each partition.
        for published in result.published:
            partition = published.ref.partition
            own = {**materialisation_metadata(result, published, drawings.get(partition, {})), **stock}
            context.add_asset_metadata(own, asset_key=context.asset_key, partition_key=partition)
    else:
        only = result.published[0] if result.published else None
        drawn = drawings.get(only.ref.partition, {}) if only else {}
        metadata = {**materialisation_metadata(result, only, drawn), **stock}
    yield dg.MaterializeResult(
        asset_key=context.asset_key,
        metadata=metadata,
        data_version=_data_version(context.asset_key, result),
        check_results=[*(_check(context.asset_key, c) for c in result.checks), *_stock_checks(context, result)],
    )


def refused_checks(asset_key: dg.AssetKey, error: ChecksFailed) -> Iterator[dg.AssetCheckResult]:
    """The outcomes behind a refusal to publish."""
    for outcome in error.outcomes:
        yield _check(asset_key, outcome)


def failure_of(error: EngineshedError) -> dg.Failure:
    """The Dagster failure for an error of ours. Only classes that another offer may cure allow an op retry, and never
    for a body that another has replaced.
    """
    metadata: dict[str, Any] = {"engineshed/failure_class": dg.MetadataValue.text(str(error.failure_class))}
    if isinstance(error, RunFailed):
        metadata["engineshed/reason"] = dg.MetadataValue.text(error.failure.reason)
        if error.failure.detail:
            metadata["engineshed/detail"] = dg.MetadataValue.md(
                f"```\n{error.failure.detail[-_DETAIL_CHARACTERS:]}\n```"
            )
    if isinstance(error, NoOffer):
        reasons = [f"- {r.engine} {r.offer}: {r.reason}" for r in error.rejections]
        metadata["engineshed/rejections"] = dg.MetadataValue.md("\n".join(reasons))
    again = error.failure_class.tries_next_offer and not isinstance(error, LeaseLost)
    return dg.Failure(description=str(error), metadata=metadata, allow_retries=again)


def _check(asset_key: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset_key,
        check_name=outcome.name,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if outcome.blocking else dg.AssetCheckSeverity.WARN,
        description=outcome.description,
        metadata=check_metadata(outcome),
    )


def _stock_checks(context: dg.AssetExecutionContext, result: Result) -> Iterator[dg.AssetCheckResult]:
    """Checks that the script itself reported through Pipes, the last word on each. Dagster wants a result for each
    declared check and none for others: undeclared ones are said, one that was never reported has failed.
    """
    declared = {key.name for key in context.selected_asset_check_keys} - {check.name for check in result.checks}
    reported = {check["check_name"]: check for check in result.reported.checks}
    for name in sorted(reported.keys() - declared):
        context.log.warning("The script reported check %r, which the asset does not declare for it.", name)
    for name in sorted(declared - reported.keys()):
        yield dg.AssetCheckResult(
            asset_key=context.asset_key, check_name=name, passed=False, description="the script did not report it"
        )
    for name in sorted(declared & reported.keys()):
        check = reported[name]
        yield dg.AssetCheckResult(
            asset_key=context.asset_key,
            check_name=name,
            passed=bool(check["passed"]),
            severity=dg.AssetCheckSeverity(check["severity"]),
            metadata={name: typed(value) for name, value in (check.get("metadata") or {}).items()},
        )


def _stock_metadata(asset_key: dg.AssetKey, result: Result) -> dict[str, dg.MetadataValue[Any]]:
    """Metadata that the script itself reported through Pipes for this asset."""
    reported = result.reported.materializations.get(asset_key.to_escaped_user_string(), {})
    return {name: typed(value) for name, value in (reported.get("metadata") or {}).items()}


def _data_version(asset_key: dg.AssetKey, result: Result) -> dg.DataVersion | None:
    """What the script says; else, for one partition, the hashes of its tables."""
    said = result.reported.materializations.get(asset_key.to_escaped_user_string(), {}).get("data_version")
    if said is not None:
        return dg.DataVersion(str(said))
    if len(result.published) != 1:
        return None
    hashes = result.published[0].hashes
    if not hashes or any(value is None for value in hashes.values()):
        return None
    return dg.DataVersion("-".join(str(hashes[table])[:16] for table in sorted(hashes)))

"""What one run may decide for itself: by run config, or by run tags, which schedules, sensors and backfills carry."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import dagster as dg
from pydantic import Field

from engineshed.model.errors import SettingInvalid
from engineshed.model.job import Mode
from engineshed.model.objective import Layer, Objective
from engineshed.planning.deadline import deadline_of

TAG_PREFIX = "engineshed/"
"""Each field of RunOverride is a tag too: `engineshed/engine`, `engineshed/deadline`, .."""


class RunOverride(dg.Config):
    """What one run may decide for itself."""

    engine: str | None = Field(
        default=None, description="The one engine to use, by name (`engineshed engines` lists them)."
    )
    mode: str | None = Field(
        default=None, description="`sample` or `full`; the location's default where nothing is said."
    )
    deadline: str | None = Field(
        default=None, description="When the run is to be done: hours from its creation, or 2026-11-27T18:00Z."
    )
    budget_usd: str | None = Field(default=None, description="The most that the run may spend, in dollars.")
    value_usd_per_hour: str | None = Field(default=None, description="What an hour saved is worth, in dollars.")
    confidence: str | None = Field(
        default=None, description="With what probability the deadline is to be met, 0.5 to below 1."
    )


def run_override(context: dg.AssetExecutionContext, config: RunOverride) -> Layer:
    """The run's own say: run config before run tag. Raises SettingInvalid naming the field and what is allowed."""
    said = _said(config, context.run.tags)
    given: dict[str, Any] = {"pinned": said.get("engine")}
    for name in ("budget_usd", "value_usd_per_hour"):
        given[name] = _read(said, name, _dollars, "an amount of dollars, such as 12.50")
    given["confidence"] = _read(said, "confidence", float, "a probability, such as 0.9")
    if "deadline" in said:
        given["deadline"] = deadline_of(said["deadline"], _created(context), f"the run's {TAG_PREFIX}deadline")
    return Layer("run override", Objective(**given))


def run_mode(context: dg.AssetExecutionContext, config: RunOverride, default: str) -> Mode:
    """The mode of this run: run config, run tag, the location's default. Raises SettingInvalid naming what is
    allowed.
    """
    said = _said(config, context.run.tags).get("mode") or default
    try:
        return Mode(said)
    except ValueError:
        raise SettingInvalid(
            f"mode {said!r} is unknown: use {' or '.join(Mode)} (run config or tag {TAG_PREFIX}mode)."
        ) from None


def _said(config: RunOverride, tags: Mapping[str, str]) -> dict[str, str]:
    names = RunOverride.model_fields
    both = {name: getattr(config, name) or tags.get(TAG_PREFIX + name) for name in names}
    return {name: value for name, value in both.items() if value}


def _read(said: Mapping[str, str], name: str, reader: Callable[[str], Any], allowed: str) -> Any:
    if name not in said:
        return None
    try:
        return reader(said[name])
    except (ValueError, InvalidOperation):
        raise SettingInvalid(f"the run's {TAG_PREFIX}{name} is {said[name]!r}: give {allowed}.") from None


def _dollars(said: str) -> Decimal:
    amount = Decimal(said.removeprefix("$"))
    if not amount.is_finite() or amount < 0:
        raise ValueError(said)
    return amount


def _created(context: dg.AssetExecutionContext) -> datetime:
    """Of the root run: a retry has no more time than the run it repeats."""
    root = context.run.root_run_id or context.run.run_id
    record = context.instance.get_run_record_by_id(root) or context.instance.get_run_record_by_id(context.run.run_id)
    return datetime.now(UTC) if record is None else record.create_timestamp.astimezone(UTC)

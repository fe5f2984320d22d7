"""What an asset's `defs.yaml` may say: one closed schema, read by the Dagster component and by `engineshed check`.

It knows no Dagster, so that files are checked without loading it or a team's code. Everything here is plain data; the
component makes the asset of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, JsonValue, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from engineshed.model.job import SampleInput, SparkJob
from engineshed.model.resources import Resources
from engineshed.running.asset_types import (
    AssetName,
    AtLeastOne,
    Automation,
    Count,
    Disk,
    EngineName,
    GroupName,
    Memory,
    Moment,
    Owner,
    PoolName,
    PositiveHours,
    PositiveSeconds,
    Scalar,
    Seconds,
    Switch,
    TableName,
    TeamName,
    Text,
    Usd,
    Zone,
)
from engineshed.running.settings import ObjectiveSettings

MOST_DIMENSIONS = 2
"""Dagster takes no more."""


class _Closed(BaseModel):
    """A key with nothing behind it counts as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, given: Any) -> Any:
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given


class _Choice(_Closed):
    """Exactly one of its keys is given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _exactly_one(self) -> _Choice:
        if len(self.model_fields_set) != 1:
            names = ", ".join(sorted(type(self).model_fields))
            raise PydanticCustomError("choice", "give exactly one of: {names}", {"names": names})
        return self

    @property
    def chosen(self) -> tuple[str, Any]:
        """The key that is given, and its value."""
        name = next(iter(self.model_fields_set))
        return name, getattr(self, name)


class ResourceSettings(_Closed):
    """What the job asks for; a key that is not given has the default of `Resources`."""

    driver_cores: AtLeastOne | None = None
    driver_memory_gib: Memory | None = None
    executors: Count | None = None
    executor_cores: AtLeastOne | None = None
    executor_memory_gib: Memory | None = None
    disk_gib: Disk | None = None

    def given(self) -> dict[str, Any]:
        """The keys that are given."""
        return self.model_dump(exclude_none=True)


class SampleSettings(_Closed):
    """How a sample run differs: settings and resources are laid over the job's own, key by key; data replace its."""

    settings: dict[str, JsonValue] = Field(default_factory=dict)
    data: list[Text] = Field(default_factory=list)
    resources: ResourceSettings = ResourceSettings()
    expected_input_bytes: Count | None = None


class JobSettings(_Closed):
    """The Spark job. script, modules and data: relative to the folder of defs.yaml."""

    name: Text | None = None
    script: Text
    modules: list[Text] = Field(default_factory=list)
    arguments: list[Scalar] = Field(default_factory=list)
    libraries: list[Text] = Field(default_factory=list)
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    data: list[Text] = Field(default_factory=list)
    conf: dict[str, Scalar] = Field(default_factory=dict)
    engine_settings: dict[EngineName, dict[str, JsonValue]] = Field(default_factory=dict)
    tables: list[TableName] = Field(default_factory=list)
    resources: ResourceSettings = ResourceSettings()
    expected_input_bytes: Count | None = None
    expected_core_hours: PositiveHours | None = None
    timeout_s: PositiveSeconds | None = None
    sample: SampleSettings | None = None


class AssetObjectiveSettings(_Closed, ObjectiveSettings):
    """What the planner is to optimise for this asset. Engines are named as they are installed."""

    pin: EngineName | None = None
    prefer: tuple[EngineName, ...] = ()
    forbid: tuple[EngineName, ...] = ()
    value_usd_per_hour: Usd | None = None
    budget_usd: Usd | None = None
    asset_month_usd: Usd | None = None
    team_month_usd: Usd | None = None


class SpanSettings(_Closed):
    """A span of time cut into partitions. `end` is left out where it goes on; timezone: IANA name, by default UTC."""

    start: Moment
    end: Moment | None = None
    timezone: Zone | None = None


class DimensionSettings(_Choice):
    """One dimension: a list of values, or a span of time cut hourly, daily, weekly or monthly."""

    values: Annotated[list[Scalar], Field(min_length=1)] | None = None
    hourly: SpanSettings | None = None
    daily: SpanSettings | None = None
    weekly: SpanSettings | None = None
    monthly: SpanSettings | None = None


class _OneDimensionOrSeveral:
    """One dimension may be given without a name; it is kept under the empty name."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        named = dict(handler(core))
        direct = [{"required": [kind]} for kind in DimensionSettings.model_fields]
        return {"if": {"type": "object", "anyOf": direct}, "then": named["additionalProperties"], "else": named}


def _named_dimensions(value: Any) -> Any:
    direct = isinstance(value, dict) and not DimensionSettings.model_fields.keys().isdisjoint(value)
    return {"": value} if direct else value


Dimensions = Annotated[
    dict[str, DimensionSettings],
    Field(min_length=1, max_length=MOST_DIMENSIONS),
    BeforeValidator(_named_dimensions),
    _OneDimensionOrSeveral(),
]


class RetrySettings(_Closed):
    """How often Dagster repeats a failed step, and after what wait."""

    max_retries: Count = 1
    delay_s: Seconds | None = None


class HasRowsSettings(_Closed):
    """The table has at least so many rows."""

    table: TableName
    at_least: Count = 1
    blocking: Switch = True


class UniqueSettings(_Closed):
    """No two rows agree in the columns."""

    table: TableName
    columns: Annotated[list[Text], Field(min_length=1)]
    blocking: Switch = True


class NoDanglingSettings(_Closed):
    """Every value of the column is one of `of_table.of_column`, here or in the input `of_asset`."""

    table: TableName
    column: Text
    of_table: TableName
    of_column: Text
    of_asset: AssetName | None = None
    blocking: Switch = True


class CheckSettings(_Choice):
    """One data check."""

    has_rows: HasRowsSettings | None = None
    unique: UniqueSettings | None = None
    no_dangling: NoDanglingSettings | None = None


class AssetSettings(_Closed):
    """The attributes of a SparkAssetComponent."""

    asset: AssetName
    team: TeamName
    job: JobSettings
    inputs: list[AssetName] = Field(default_factory=list)
    deps: list[AssetName] = Field(default_factory=list)
    owners: list[Owner] = Field(default_factory=list)
    kinds: Annotated[list[Text], Field(max_length=10)] | None = None
    group: GroupName | None = None
    pool: PoolName | None = None
    tags: dict[str, Scalar] = Field(default_factory=dict)
    description: Text | None = None
    objective: AssetObjectiveSettings = AssetObjectiveSettings()
    partitions: Dimensions | None = None
    backfill: Literal["single_run", "multi_run"] | None = None
    retry: RetrySettings | None = None
    checks: list[CheckSettings] = Field(default_factory=list)
    automation: Automation | None = None

    def spark_job(self, folder: Path | None = None) -> SparkJob:
        """The job, with script and modules looked up from `folder`. Raises JobInvalid."""
        job, base = self.job, folder or Path()
        root = base.absolute()
        sample = None
        if job.sample is not None:
            sample = SampleInput(
                settings=job.sample.settings,
                data=tuple(str(root / place) for place in job.sample.data),
                resources=Resources(**{**job.resources.given(), **job.sample.resources.given()}),
                expected_input_bytes=job.sample.expected_input_bytes,
            )
        return SparkJob(
            name=job.name or self.asset.rsplit("/", 1)[-1],
            script=str(base / job.script),
            modules=tuple(str(base / module) for module in job.modules),
            arguments=tuple(job.arguments),
            libraries=tuple(job.libraries),
            settings=job.settings,
            data=tuple(str(root / place) for place in job.data),
            conf=job.conf,
            engine_settings=job.engine_settings,
            tables=tuple(job.tables),
            resources=Resources(**job.resources.given()),
            expected_input_bytes=job.expected_input_bytes,
            expected_core_hours=job.expected_core_hours,
            timeout_s=job.timeout_s,
            sample=sample,
        )

"""The two settings files, one closed schema: `platform.yaml` (the platform team's) and `location.yaml` (a team's).

Checked whole at start: an unknown key or a wrong value is refused with file, key and the values allowed. An engine's
own section stays free-form here and is checked by that engine (`roster.check_engines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engineshed.model.errors import SettingInvalid
from engineshed.model.objective import Objective
from engineshed.planning.ageing import MAX_AGE_DAYS
from engineshed.running.roster import require_engines
from engineshed.running.schema_keys import allowed_keys, unknown_key

_Settings = TypeVar("_Settings", bound=BaseModel)


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ObjectiveSettings(_Closed):
    """Preferences of one layer."""

    pin: str | None = Field(default=None, description="The one engine to use.")
    prefer: tuple[str, ...] = Field(default=(), description="Engines in order of preference.")
    forbid: tuple[str, ...] = Field(default=(), description="Engines never used; adds up over all layers.")
    value_usd_per_hour: Decimal | None = Field(default=None, ge=0, description="What an hour saved is worth.")
    budget_usd: Decimal | None = Field(default=None, ge=0, description="The most that one run may spend.")
    asset_month_usd: Decimal | None = Field(
        default=None, ge=0, description="The most that all runs of an asset may spend in a calendar month (UTC)."
    )
    team_month_usd: Decimal | None = Field(
        default=None, ge=0, description="The most that all runs of a team may spend in a calendar month (UTC)."
    )
    confidence: float | None = Field(
        default=None, ge=0.5, lt=1, description="With what probability a deadline is to be met; none: on average."
    )
    margin_percent: float | None = Field(
        default=None, ge=0, description="By how much an engine without history must be cheaper to be taken (25)."
    )
    explore_percent: float | None = Field(
        default=None, ge=0, le=100, description="How many of a hundred runs try an engine without history all the same."
    )

    def objective(self) -> Objective:
        """The same as the planner's value."""
        return Objective(
            pinned=self.pin,
            preferred=self.prefer,
            forbidden=frozenset(self.forbid),
            value_usd_per_hour=self.value_usd_per_hour,
            confidence=self.confidence,
            budget_usd=self.budget_usd,
            asset_month_usd=self.asset_month_usd,
            team_month_usd=self.team_month_usd,
            margin_percent=self.margin_percent,
            explore_percent=self.explore_percent,
        )


class PriceSettings(_Closed):
    """What an hour of one unit costs, as stated by the people who pay it."""

    usd_per_hour: Decimal = Field(ge=0)
    as_of: date
    source: str = "stated in platform.yaml"
    market: str = ""


class StoreSettings(_Closed):
    """How to reach an S3-compatible object store. Credentials come from the environment."""

    endpoint_url: str | None = Field(default=None, description="Address of the S3 service, where it is not AWS's.")
    region: str | None = Field(default=None, description="Region of the bucket.")


class PlatformSettings(_Closed):
    """`platform.yaml`: the platform team's."""

    ledger_url: str = Field(default="", description="SQLAlchemy URL of the ledger; none: SQLite in the home folder.")
    ledger_password_env: str = Field(
        default="",
        description="Variable that holds the password of `ledger_url`, so that the file holds no secret.",
    )
    prices: Mapping[str, PriceSettings] = Field(
        default_factory=dict,
        description="Item -> `usd_per_hour`, `as_of`, `source`, `market`. The item `node` is an hour of this machine.",
    )
    price_list: str = Field(
        default="",
        description="File or `s3://` address with further prices and machines, written by `engineshed prices refresh`; "
        "none, or none there yet: the dated list that comes with engineshed.",
    )
    price_store: StoreSettings = Field(default=StoreSettings(), description="Where `price_list` is an address.")
    prices_max_age_days: int = Field(
        default=MAX_AGE_DAYS, ge=1, description="Older prices are used, but marked wherever shown."
    )
    policy: ObjectiveSettings = ObjectiveSettings()
    limits: Mapping[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="Engine -> how many runs of all teams it may carry at once."
    )
    exporter_url: str = Field(
        default="", description="Address of `engineshed exporter`, to which live progress is posted; none: nowhere."
    )
    grafana_url: str = Field(
        default="", description="Address of Grafana as people reach it: runs link to their board; none: no link."
    )
    exporter_token_file: str = Field(
        default="",
        description="File with the token by which the exporter knows whose progress it is; none: it knows by none.",
    )


class LocationSettings(_Closed):
    """`location.yaml`: a team's."""

    team: str = Field(description="Who owns the code location; what its runs are booked on.")
    code_location: str = Field(description="Name of the code location.")
    home: str = Field(default="", description="Folder for state on this machine, relative to the file.")
    payloads: str = Field(default="", description="Folder of the team's job scripts, relative to the file.")
    data_root: str = Field(
        default="",
        description="Where datasets are published: a folder, relative to the file, or `s3://bucket/prefix`. "
        "None: `data` in the home folder.",
    )
    exchange_root: str = Field(
        default="",
        description="Where code, contexts and messages for drivers of other machines lie, as `s3://bucket/prefix`. "
        "None: `_exchange` in `data_root` where that is such an address, else there is no exchange.",
    )
    store: StoreSettings = StoreSettings()
    engines: Mapping[str, dict[str, Any]] = Field(
        default_factory=dict, description="Engine -> its own settings. One that is named here must be ready to build."
    )
    channels: Mapping[str, dict[str, Any]] = Field(default_factory=dict, description="Channel -> its own settings.")
    environments: Mapping[str, str] = Field(
        default_factory=dict,
        description="Engine -> folder that `engineshed pack` made, relative to the file: the Python packages that its "
        "drivers are given.",
    )
    objective: ObjectiveSettings = ObjectiveSettings()
    limits: Mapping[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="Engine -> how many of this team's runs it may carry at once."
    )
    mode: str = Field(
        default="sample", pattern="^(sample|full)$", description="`sample` or `full`, where a run says nothing."
    )


def read_location(path: Path) -> LocationSettings:
    """The checked settings. Raises SettingInvalid with file, key, fact and what is allowed."""
    location = _read(path, LocationSettings)
    objective = location.objective
    named = {"pin": (objective.pin,) if objective.pin else (), "prefer": objective.prefer, "forbid": objective.forbid}
    for key, names in named.items():
        require_engines(f"settings file {path}: objective.{key}", names)
    require_engines(f"settings file {path}: environments", location.environments)
    require_engines(f"settings file {path}: limits", location.limits)
    return location


def read_platform(path: Path | None) -> PlatformSettings:
    """The checked settings; without a file the embedded defaults."""
    return PlatformSettings() if path is None else _read(path, PlatformSettings)


def _read(path: Path, schema: type[_Settings]) -> _Settings:
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise SettingInvalid(f"settings file {path} does not exist: create it or name another.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"settings file {path} cannot be read ({error}): name a readable file.") from error
    except yaml.YAMLError as error:
        raise SettingInvalid(f"settings file {path} is no YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(plain, dict):
        raise SettingInvalid(f"settings file {path} holds a {type(plain).__name__}: write keys and values.")
    try:
        return schema.model_validate(plain)
    except ValidationError as error:
        raise SettingInvalid(f"settings file {path}: {describe(error, schema)}") from None


def describe(error: ValidationError, schema: type[BaseModel]) -> str:
    """Every finding as `key: fact`, with the keys that are allowed where one is unknown."""
    said = []
    for finding in error.errors():
        key = ".".join(map(str, finding["loc"])) or "(top)"
        fact = finding["msg"]
        if finding["type"] == "extra_forbidden":
            fact = unknown_key(str(finding["loc"][-1]), allowed_keys(schema, finding["loc"][:-1]))
        elif finding["type"] != "missing":
            fact = f"{fact} (got {finding['input']!r})"
        said.append(f"{key}: {fact}")
    return "; ".join(said)

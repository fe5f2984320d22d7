"""The settings that every engine of this machine has, and the way they are checked.

Closed: a key that does not exist is refused with those that do, because a misspelt limit would otherwise be no limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engineshed.model.errors import SettingInvalid
from engineshed.processes.secret_names import is_secret
from engineshed.processes.stray import DECIDED

RESERVED_ENV = ("DAGSTER_PIPES_", "ENGINESHED_")
"""Beginnings of the names of variables that are the route's own."""

M = TypeVar("M", bound=BaseModel)


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class JobBlock(_Closed):
    """What a job may say to an engine of this machine (`engine_settings.<engine>`)."""

    conf: Mapping[str, str] = Field(default={}, description="Spark settings, over those of the job.")
    env: Mapping[str, str] = Field(default={}, description="Variables of the driver, over those of the engine.")

    @field_validator("env")
    @classmethod
    def _env_is_free(cls, env: Mapping[str, str]) -> Mapping[str, str]:
        return _refuse_reserved(env)


class ProcessSettings(_Closed):
    """Settings of an engine of this machine (`engines.<engine>` of the location's settings)."""

    cores: Literal["all"] | int = Field(default="all", description="Most cores one run may use.")
    usd_per_hour: Decimal | None = Field(
        default=Decimal(0), ge=0, description="What an hour of this machine costs; null asks the price book for `node`."
    )
    max_input_bytes: int | None = Field(
        default=None, ge=0, description="Jobs expected to read more are turned down; null has no limit."
    )
    cold_start_s: float | None = Field(
        default=None,
        ge=0,
        description="Seconds from submit to the first useful work; null takes the engine's own prior.",
    )
    python: str | None = Field(default=None, description="Interpreter of the drivers; null takes that of the location.")
    env: Mapping[str, str] = Field(
        default={}, description="Variables of every driver; no secrets: those are inherited from the launcher."
    )
    grace_s: float = Field(default=10.0, ge=0, description="Seconds between SIGTERM and SIGKILL.")
    log_limit_mib: int = Field(default=256, ge=1, description="Most of each of the driver's two logs that is kept.")
    start_wait_s: float = Field(
        default=30.0, gt=0, description="Longest wait of a submit for the supervisor to show up."
    )

    @field_validator("cores")
    @classmethod
    def _at_least_one(cls, cores: Literal["all"] | int) -> Literal["all"] | int:
        if cores != "all" and cores < 1:
            raise ValueError("give at least 1, or all")
        return cores

    @field_validator("env")
    @classmethod
    def _env_is_free(cls, env: Mapping[str, str]) -> Mapping[str, str]:
        return _refuse_reserved(env)


def checked(model: type[M], settings: Mapping[str, Any], place: str) -> M:
    """The settings as a value. Raises SettingInvalid naming key, fact and, for an unknown key, all allowed ones.

    `place` is where they were written (`engines.local`).
    """
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_url=False):
            key = ".".join(str(part) for part in (place, *fault["loc"]))
            if fault["type"] == "extra_forbidden":
                faults.append(f"{key} does not exist: allowed are {', '.join(sorted(model.model_fields))}")
            elif fault["type"] == "missing":
                faults.append(f"{key} is not set in location.yaml and has no default")
            else:
                faults.append(f"{key}{_shown(fault['loc'], fault['input'])}: {fault['msg']}")
        # Not from the error, whose text repeats all values: they may hold the very secret that is refused.
        raise SettingInvalid("; ".join(faults) + ".") from None


def _shown(path: tuple[str | int, ...], value: object) -> str:
    """The wrong value itself, where it can be no secret: one word or number, under a name that promises none."""
    plain = isinstance(value, str | int | float | Decimal) and not any(is_secret(str(part)) for part in path)
    return f" is {value!r}" if plain else ""


def _refuse_reserved(env: Mapping[str, str]) -> Mapping[str, str]:
    taken = [name for name in env if name.startswith(RESERVED_ENV)]
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by engineshed itself: take another name")
    decided = [name for name in env if name in DECIDED]
    if decided:
        raise ValueError(f"{', '.join(decided)} says which session there is, which the engine decides: drop it")
    return env

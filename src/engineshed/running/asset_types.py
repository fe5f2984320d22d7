"""The kinds of values that an asset's YAML holds, each with what it allows said in words.

They are as strict as YAML is typed: a number written as text is refused, so that the JSON schema that editors and `dg`
use and our own check agree.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from engineshed.running.roster import ENGINES, installed

_CRON_FIELD = r"(?:\*|\d+|[A-Za-z]{3}|L)(?:-(?:\d+|[A-Za-z]{3}))?(?:[/#]\d+)?"
_CRON = rf"{_CRON_FIELD}(?:,{_CRON_FIELD})*"
CONDITIONS = ("eager", "on_missing")
_MOMENT = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?$"


def shaped(pattern: str, wanted: str) -> AfterValidator:
    """Text that matches the whole pattern; `wanted` says in words what that is."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise PydanticCustomError("shape", "give {wanted}", {"wanted": wanted})
        return value

    return AfterValidator(check)


def _shaped_text(pattern: str, wanted: str, *further: AfterValidator) -> Any:
    schema = Field(json_schema_extra={"pattern": f"^(?:{pattern})$"})
    return Annotated[(str, shaped(pattern, wanted), *further, schema)]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise PydanticCustomError("scalar", "give text, a number, true or false")


def _as_asset_name(value: Any) -> str:
    parts = value.split("/") if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts or not all(isinstance(p, str) and p for p in parts):
        raise PydanticCustomError("asset_key", "give an asset key: text with parts joined by /, or a list of parts")
    return "/".join(parts)


def _as_money(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("money", "give a number of US dollars")
    return Decimal(str(value))


def _as_moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  # the zone is a key of its own
    try:
        if isinstance(value, str) and re.fullmatch(_MOMENT, value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("moment", "give a date (2026-01-31) or a time without zone (2026-01-31T06:00)")


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("zone", "give an IANA time zone such as UTC or Europe/Berlin") from None
    return value


def _installed_engine(value: str, info: ValidationInfo) -> str:
    """The names come with the validation, so that they are looked up once for a whole file."""
    engines = (info.context or {}).get("engines")
    if engines is None:
        engines = installed(ENGINES)
    if value not in engines:
        raise PydanticCustomError("engine", "no such engine; installed: {names}", {"names": ", ".join(sorted(engines))})
    return value


_CRON_RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


def _fires(value: str) -> str:
    """A cron string whose numbers are within the ranges of crontab(5)."""
    for (name, (least, most)), field in zip(_CRON_RANGES.items(), value.split(), strict=False):
        numbers = [int(number) for number in re.findall(r"(?<![/#\d])\d+", field)]
        if any(not least <= number <= most for number in numbers) or re.search(r"/0+\b", field):
            raise PydanticCustomError(
                "cron",
                "{field} is no {name} of a cron string: from {least} to {most}",
                {"field": field, "name": name, "least": least, "most": most},
            )
    return value


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


Text = Annotated[str, Field(min_length=1)]
Scalar = Annotated[str, BeforeValidator(_as_text), _schema(type=["string", "number", "boolean"])]
AssetName = Annotated[
    str,
    BeforeValidator(_as_asset_name),
    _schema(type=["string", "array"], items={"type": "string"}, minLength=1, minItems=1),
]
Count = Annotated[int, Field(strict=True, ge=0)]
AtLeastOne = Annotated[int, Field(strict=True, ge=1)]
Memory = Annotated[float, Field(strict=True, ge=0.25)]
Disk = Annotated[float, Field(strict=True, ge=0)]
Seconds = Annotated[float, Field(strict=True, ge=0)]
PositiveSeconds = Annotated[float, Field(strict=True, gt=0)]
PositiveHours = Annotated[float, Field(strict=True, gt=0)]
Switch = Annotated[bool, Field(strict=True)]
Usd = Annotated[Decimal, BeforeValidator(_as_money), Field(ge=0), _schema(type="number", minimum=0)]
Moment = Annotated[datetime, BeforeValidator(_as_moment), _schema(type="string", pattern=_MOMENT)]
Zone = Annotated[str, AfterValidator(_known_zone)]
EngineName = Annotated[str, AfterValidator(_installed_engine)]
TableName = _shaped_text(r"[A-Za-z0-9][A-Za-z0-9_]*", "a table name: letters, digits and _, not starting with _")
TeamName = _shaped_text(r"[A-Za-z0-9_.-]{1,63}", "a team name: at most 63 letters, digits, _, - and .")
GroupName = _shaped_text(r"\w+(?:/\w+)*", "a group name: letters, digits and _, nested by /")
Owner = _shaped_text(r"team:.+|[^@\s]+@[^@\s]+\.[^@\s]+", "an owner: team:name or an e-mail address")
PoolName = _shaped_text(r"\S+", "a pool name: no spaces")
Automation = _shaped_text(
    rf"{'|'.join(CONDITIONS)}|@(?:hourly|daily|weekly|monthly|yearly)|{_CRON}(?: {_CRON}){{4}}",
    f"{', '.join(CONDITIONS)} or a cron string such as 0 6 * * *",
    AfterValidator(_fires),
)

"""The JSON schema of an asset's attributes for `dg` and editors: as strict as our own check, save for templates.

Dagster derives a schema in which every value may also be any text, so that templates pass and wrong values with them.
Here only text that holds a template passes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import ConfigDict

from engineshed.running.asset_faults import TEMPLATE
from engineshed.running.asset_settings import AssetSettings

_UNRESOLVED = [{"type": "null"}, {"type": "string", "pattern": TEMPLATE}]
_SAID_OUTSIDE = ("default", "description", "title")


class RawAttributes(dg.Model):
    """Attributes as they were written. They are judged when the component resolves them, with file and key named."""

    model_config = ConfigDict(extra="allow")

    @property
    def written(self) -> dict[str, Any]:
        """Keys and values."""
        return dict(self.model_extra or {})


@functools.cache
def raw_attributes(schema: type[AssetSettings]) -> type[RawAttributes]:
    """The model that Dagster reads a component's attributes by: takes anything, and shows the strict schema."""

    class Attributes(RawAttributes):
        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return json_schema(schema)

    return Attributes


def json_schema(schema: type[AssetSettings]) -> dict[str, Any]:
    """The JSON schema of the attributes, with templates let through."""
    strict = AssetSettings.model_json_schema.__func__(schema)  # type: ignore[attr-defined]
    opened: dict[str, Any] = _opened(strict)
    return opened


def _opened(schema: Any) -> Any:
    """The schema with each value it speaks of open to templates."""
    if not isinstance(schema, Mapping):
        return schema
    opened = dict(schema)
    for several in ("properties", "$defs"):
        if several in opened:
            inner = _opened if several == "$defs" else _open_value
            opened[several] = {name: inner(value) for name, value in opened[several].items()}
    for one in ("items", "additionalProperties"):
        if isinstance(opened.get(one), Mapping):
            opened[one] = _open_value(opened[one])
    for branch in ("then", "else"):
        if branch in opened:
            opened[branch] = _opened(opened[branch])
    return opened


def _open_value(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A value's schema: what pydantic says of it, unless it is absent or a template.

    `if` and `else` rather than `anyOf`, so that a validator says which key below is wrong and not that none fits.
    """
    outside = {key: schema[key] for key in _SAID_OUTSIDE if key in schema}
    rest = {key: value for key, value in schema.items() if key not in outside}
    choices = [choice for choice in rest.get("anyOf", ()) if choice != {"type": "null"}]
    strict = choices[0] if len(choices) == 1 else rest
    return {**outside, "if": {"anyOf": _UNRESOLVED}, "else": _opened(strict)} if strict else outside

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

_EMPTY = {"type": "null"}
_TEMPLATE = {"type": "string", "pattern": TEMPLATE}
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
    return _opened(schema.model_json_schema())


def _opened(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with each value below it open to templates, and to nothing where the key may be left out."""
    opened = dict(schema)
    required = opened.get("required", ())
    if "$defs" in opened:
        opened["$defs"] = {name: _opened(value) for name, value in opened["$defs"].items()}
    if "properties" in opened:
        opened["properties"] = {
            name: _open_value(value, may_be_empty=name not in required) for name, value in opened["properties"].items()
        }
    for below in ("items", "additionalProperties"):
        if isinstance(opened.get(below), Mapping):
            opened[below] = _open_value(opened[below])
    for branch in ("then", "else"):
        if branch in opened:
            opened[branch] = _opened(opened[branch])
    return opened


def _open_value(schema: Mapping[str, Any], *, may_be_empty: bool = False) -> dict[str, Any]:
    """`if` and `else` rather than `anyOf`, so that a validator says which key below is wrong and not that none fits."""
    outside = {key: schema[key] for key in _SAID_OUTSIDE if key in schema}
    strict = {key: value for key, value in schema.items() if key not in outside}
    choices = [choice for choice in strict.get("anyOf", ()) if choice != _EMPTY]
    if len(choices) == 1:
        strict = choices[0]
    if not strict:
        return outside
    passed = [_TEMPLATE, _EMPTY] if may_be_empty else [_TEMPLATE]
    return {**outside, "if": {"anyOf": passed}, "else": _opened(strict)}

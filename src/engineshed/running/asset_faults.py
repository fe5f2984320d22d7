"""What is wrong in the attributes of an asset: key, fact and what is allowed, in words instead of a validator's.

A value that is a template (`{{ .. }}`) is passed over until it is resolved: nobody knows yet what it will be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engineshed.running.asset_contradictions import contradictions
from engineshed.running.asset_settings import AssetSettings
from engineshed.running.schema_keys import KeyPath, allowed_keys, unknown_key

TEMPLATE = r"\{\{|\{%"
_LONGEST_VALUE = 80
_WORDS = {
    "bool_type": "give true or false",
    "dict_type": "give keys and values",
    "finite_number": "give a finite number",
    "float_type": "give a number",
    "int_type": "give a whole number",
    "list_type": "give a list",
    "model_type": "give keys and values",
    "string_type": "give text",
    "tuple_type": "give a list",
    "string_too_short": "give text that is not empty",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A wrong value. path: where it stands below `attributes`."""

    path: KeyPath
    fact: str

    @property
    def key(self) -> str:
        """The path as people write it."""
        return ".".join(map(str, ("attributes", *self.path)))


def is_template(value: Any) -> bool:
    """Whether the value is text that is still to be resolved."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def faults(
    attributes: Mapping[str, Any],
    schema: type[AssetSettings] = AssetSettings,
    *,
    folder: Path | None = None,
    engines: Collection[str] | None = None,
) -> list[Fault]:
    """All faults of an asset's attributes, none where all is well.

    folder: where defs.yaml lies, to look up script and modules; engines: names to allow, by default the installed ones.
    """
    try:
        settings = schema.model_validate(attributes, context={"engines": engines})
    except ValidationError as error:
        return [_fault(found, schema) for found in error.errors() if not is_template(found["input"])]
    return [
        Fault(_spoken(path), fact)
        for path, fact in contradictions(settings, folder)
        if not any(map(_holds_template, _involved(attributes, _spoken(path))))
    ]


def _fault(found: ErrorDetails, schema: type[BaseModel]) -> Fault:
    path = _spoken(found["loc"])
    if found["type"] == "extra_forbidden":
        return Fault(path, unknown_key(str(path[-1]), allowed_keys(schema, found["loc"][:-1])))
    if found["type"] == "missing":
        return Fault(path, "missing: this key must be given")
    return Fault(path, f"{_words(found)} (got {_shortened(found['input'])})")


def _words(found: ErrorDetails) -> str:
    context = found.get("ctx", {})
    match found["type"]:
        case "literal_error":
            return f"allowed: {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
        case "greater_than_equal":
            return f"give at least {context['ge']:g}"
        case "greater_than":
            return f"give more than {context['gt']:g}"
        case "too_long":
            return f"give at most {context['max_length']}"
        case "too_short":
            return f"give at least {context['min_length']}"
        case kind:
            return _WORDS.get(kind, found["msg"])


def _shortened(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= _LONGEST_VALUE else f"{said[:_LONGEST_VALUE]}.."


def _spoken(path: KeyPath) -> KeyPath:
    """Without the empty name of a dimension given without one, and without the mark of a wrong key."""
    return tuple(part for part in path if part not in ("", "[key]"))


def _involved(attributes: Mapping[str, Any], path: KeyPath) -> Iterator[Any]:
    """The values that a contradiction rests on: its own, and for a check also what it refers to."""
    yield _at(attributes, path)
    if path[0] == "checks":
        yield attributes.get("inputs")
        yield _at(attributes, ("job", "tables"))


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
    return value


def _holds_template(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_template, value.values()))
    if isinstance(value, list):
        return any(map(_holds_template, value))
    return is_template(value)

"""Which keys a schema takes at a place, and the one sentence for a key that it does not take.

Settings, asset files and their attributes all refuse an unknown key; a person reads the same words each time.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Collection
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

KeyPath = tuple[int | str, ...]


def unknown_key(key: str, allowed: Collection[str]) -> str:
    """The sentence for a key that is not among those allowed, with the one it was likely meant to be."""
    return f"unknown key{likely(key, allowed)}; allowed here: {', '.join(sorted(allowed))}"


def likely(name: str, known: Collection[str]) -> str:
    """`, is it kubernetes?` where one that is known is near to the name, else nothing."""
    near = difflib.get_close_matches(name, known, n=1)
    return f", is it {near[0]}?" if near else ""


def allowed_keys(schema: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that a place below the schema takes; empty where it takes any."""
    found: Any = schema
    for part in path:
        inner = found.model_fields.get(str(part)) if _is_model(found) else None
        found = _unwrapped(inner.annotation if inner is not None else _element(found))
    return list(found.model_fields) if _is_model(found) else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _element(annotation: Any) -> Any:
    """What the lists and mappings of an annotation hold."""
    arguments = get_args(annotation)
    return arguments[-1] if arguments else None


def _unwrapped(annotation: Any) -> Any:
    """The annotation without `| None` and `Annotated`."""
    if get_origin(annotation) in (Union, types.UnionType):
        return _unwrapped(next(a for a in get_args(annotation) if a is not type(None)))
    if hasattr(annotation, "__metadata__"):
        return _unwrapped(get_args(annotation)[0])
    return annotation

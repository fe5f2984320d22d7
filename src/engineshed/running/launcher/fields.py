"""Reading a manifest and saying what is wrong with a field of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def closed(thing: Json, allowed: frozenset[str], place: str) -> Iterator[str]:
    """A fault for each field that is set and not allowed; what is empty or false is not set."""
    for key in sorted(set(thing) - allowed):
        if thing[key]:
            yield f"{place}.{key} may not be set"


def expect(actual: object, expected: object, place: str) -> Iterator[str]:
    """A fault when a field is not what it must be."""
    if actual != expected:
        yield f"{place} is {actual!r}, but must be {expected!r}"


def part(thing: Json, key: str) -> Json:
    """A section of an object; empty where there is none."""
    inner = thing.get(key)
    return inner if isinstance(inner, Mapping) else {}


def parts(thing: Json, key: str) -> Sequence[Json]:
    """The items of a list of an object."""
    inner = thing.get(key)
    return [each for each in inner if isinstance(each, Mapping)] if isinstance(inner, list) else []

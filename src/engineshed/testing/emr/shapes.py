"""botocore's shapes as checks: what is wrong with a value, in the words in which AWS says it.

botocore's own validator looks at types, required members and lengths from below; AWS also refuses wrong enumerations,
patterns and what is too long, so this does. Checks are made once a shape: a simulation makes a hundred thousand of
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

Check = Callable[[Any, str, list[str]], None]
"""Takes a value, its path, and the list to which it adds what is wrong."""

_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "integer": (int,),
    "long": (int,),
    "string": (str,),
    "timestamp": (int, float, datetime),
}


class Shapes:
    """Checks by shape. `of` may be asked for a shape that contains itself (Configuration does)."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def faults(self, shape: Any, value: Any) -> list[str]:
        """What is wrong, nothing when all is well."""
        found: list[str] = []
        self.of(shape)(value, "", found)
        return found

    def of(self, shape: Any) -> Check:
        """The check of a shape."""
        if shape.name not in self._checks:
            makers = {"structure": self._structure, "list": self._list, "map": self._map}
            self._checks[shape.name] = makers.get(shape.type_name, _scalar)(shape)
        return self._checks[shape.name]

    def _structure(self, shape: Any) -> Check:
        members, required = shape.members, frozenset(shape.required_members)
        names = {name: _lower(name) for name in members}

        def check(value: Any, path: str, found: list[str]) -> None:
            if not isinstance(value, dict):
                found.append(_wrong_type(value, path, "an object"))
                return
            for name in required - value.keys():
                found.append(
                    f"Value at '{_join(path, names[name])}' failed to satisfy constraint: Member must not be null"
                )
            for name, item in value.items():
                if name not in members:
                    found.append(f"Unknown member '{name}' at '{path}'")
                elif item is not None:
                    self.of(members[name])(item, _join(path, names[name]), found)

        return check

    def _list(self, shape: Any) -> Check:
        def check(value: Any, path: str, found: list[str]) -> None:
            if not isinstance(value, list | tuple):
                found.append(_wrong_type(value, path, "a list"))
                return
            member = self.of(shape.member)
            for number, item in enumerate(value, start=1):
                member(item, f"{path}.{number}.member", found)

        return check

    def _map(self, shape: Any) -> Check:
        def check(value: Any, path: str, found: list[str]) -> None:
            if not isinstance(value, dict):
                found.append(_wrong_type(value, path, "a map"))
                return
            member = self.of(shape.value)
            for key, item in value.items():
                member(item, f"{path}.{key}.member", found)

        return check


def _scalar(shape: Any) -> Check:
    types, refuses_bool = _TYPES[shape.type_name], shape.type_name != "boolean"
    rules = _rules(shape)

    def check(value: Any, path: str, found: list[str]) -> None:
        if not isinstance(value, types) or (refuses_bool and isinstance(value, bool)):
            found.append(_wrong_type(value, path, f"a {shape.type_name}"))
            return
        for holds, constraint in rules:
            if not holds(value):
                found.append(f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {constraint}")

    return check


def _rules(shape: Any) -> list[tuple[Callable[[Any], bool], str]]:
    least, most, pattern = (shape.metadata.get(name) for name in ("min", "max", "pattern"))
    rules: list[tuple[Callable[[Any], bool], str]] = []
    if shape.type_name == "string":
        if shape.metadata.get("enum"):
            allowed = frozenset(shape.metadata["enum"])
            rules.append((allowed.__contains__, f"satisfy enum value set: [{', '.join(shape.metadata['enum'])}]"))
        if most is not None:
            rules.append((lambda value: len(value) <= most, f"have length less than or equal to {most}"))
        if pattern is not None:
            compiled = re.compile(_python(pattern))
            rules.append(
                (lambda value: bool(compiled.fullmatch(value)), f"satisfy regular expression pattern: {pattern}")
            )
        return rules
    if least is not None:
        rules.append((lambda value: value >= least, f"have value greater than or equal to {least}"))
    if most is not None:
        rules.append((lambda value: value <= most, f"have value less than or equal to {most}"))
    return rules


def _python(pattern: str) -> str:
    # Java writes characters beyond the first plane as two halves; Python takes them whole.
    return pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", "\\U00010000-\\U0010FFFF")


def _wrong_type(value: Any, path: str, wanted: str) -> str:
    return f"Value '{value}' at '{path}' must be {wanted}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]

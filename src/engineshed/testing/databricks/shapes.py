"""Requests and answers held against the SDK's own signatures and dataclasses.

An answer must survive `from_dict(answer).as_dict()` without losing a key: what the SDK would not read, the platform
does not say. A request may hold only what the SDK's method takes, with those types. The one module of the double that
imports the SDK.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from engineshed.model.errors import ExtraMissing
from engineshed.testing.databricks.refusals import Refusal, invalid

try:
    from databricks.sdk.service import compute, files, iam, jobs, workspace
except ImportError as error:
    raise ExtraMissing(
        "the Databricks double checks its answers by databricks-sdk, which is not installed: "
        "pip install 'engineshed[databricks,testing]'."
    ) from error

__all__ = ["ShapeWrong", "arguments", "checked", "compute", "files", "iam", "jobs", "workspace"]


SAID_BUT_NOT_LISTED = frozenset({"BREAKING_CHANGE", "CLUSTER_TERMINATED_BY_USER"})
"""Termination codes that the SDK's text describes and its enumeration lacks: the platform says them all the same."""


class ShapeWrong(AssertionError):
    """The double was about to give an answer that the SDK cannot read: a fault of the double."""


def checked(shape: Any, answer: Mapping[str, Any]) -> None:
    """Raises ShapeWrong for an answer that the dataclass `shape` does not hold whole."""
    lost = _lost(answer, shape.from_dict(dict(answer)).as_dict(), "")
    if lost:
        raise ShapeWrong(f"{shape.__name__} of the SDK does not hold {', '.join(lost)}")


def arguments(call: Callable[..., Any], given: Mapping[str, Any], *, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a request gives to the SDK's method `call`, text of a query made int and bool. Raises Refusal.

    also: further names that the API takes, by ways that have no signature.
    """
    hints = _hints(call)
    taken: dict[str, Any] = {}
    for name, value in given.items():
        if name in hints:
            taken[name] = _value(hints[name], value, name)
        elif name in also:
            taken[name] = value
        else:
            raise invalid(f"Could not parse request object: unknown field '{name}'.")
    for name in _required(call):
        if name not in taken:
            raise invalid(f"Missing required field: {name}")
    return taken


@cache
def _hints(call: Callable[..., Any]) -> dict[str, Any]:
    hints = dict(get_type_hints(call))
    hints.pop("return", None)
    return hints


@cache
def _required(call: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(call).parameters.values()
    return tuple(p.name for p in parameters if p.name != "self" and p.default is inspect.Parameter.empty)


def _value(hint: Any, value: Any, path: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(a for a in get_args(hint) if a is not type(None))
    origin = get_origin(hint)
    if origin in (list, dict):
        return _collection(origin, get_args(hint), value, path)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, value, path)
    if hasattr(hint, "from_dict"):
        return _message(hint, value, path)
    return _scalar(hint, value, path)


def _collection(origin: Any, parts: tuple[Any, ...], value: Any, path: str) -> Any:
    if origin is list:
        # A query repeats a name for each element; one element comes alone.
        items = value if isinstance(value, list) else [value]
        return [_value(parts[0], item, f"{path}[{i}]") for i, item in enumerate(items)]
    if not isinstance(value, dict):
        raise _unreadable(path, "an object", value)
    return {key: _value(parts[1], item, f"{path}.{key}") for key, item in value.items()}


def _member(hint: type[Enum], value: Any, path: str) -> Any:
    if value not in {member.value for member in hint}:
        allowed = ", ".join(str(member.value) for member in hint)
        raise invalid(f"Could not parse request object: '{path}' is {value!r}, which is none of {allowed}.")
    return value


def _message(hint: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _unreadable(path, "an object", value)
    fields = _hints(hint)
    for name, item in value.items():
        if name not in fields:
            raise invalid(f"Could not parse request object: unknown field '{path}.{name}'.")
        _value(fields[name], item, f"{path}.{name}")
    return value


def _scalar(hint: Any, value: Any, path: str) -> Any:
    if hint is bool and value in ("true", "false"):
        return value == "true"
    if hint is int and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if hint is int and (isinstance(value, bool) or not isinstance(value, int)):
        raise _unreadable(path, "an integer", value)
    if hint is bool and not isinstance(value, bool):
        raise _unreadable(path, "true or false", value)
    if hint is str and not isinstance(value, str):
        raise _unreadable(path, "a string", value)
    return value


def _unreadable(path: str, wanted: str, found: Any) -> Refusal:
    return invalid(f"Could not parse request object: '{path}' must be {wanted}, not {found!r}.")


def _lost(given: Any, kept: Any, path: str) -> list[str]:
    """Paths of what is not kept. Empty lists and objects need not be: the SDK does not write them."""
    if isinstance(given, dict) and isinstance(kept, dict):
        lost = []
        for name, value in given.items():
            if name in kept:
                lost += _lost(value, kept[name], f"{path}.{name}")
            elif value not in ([], {}) and str(value) not in SAID_BUT_NOT_LISTED:
                lost.append(f"{path}.{name} (unknown)")
        return lost
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [line for i, pair in enumerate(zip(given, kept, strict=True)) for line in _lost(*pair, f"{path}[{i}]")]
    return [] if given == kept else [f"{path} ({given!r} reads as {kept!r})"]

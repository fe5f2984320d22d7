"""JSON 1.1, held against botocore's own model of EMR: requests that break a shape are refused, answers that do are a
bug.

botocore checks types and lengths from below; AWS also checks enumerations, patterns and lengths from above, so this
does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator

from engineshed.testing.emr.refusals import Refusal, invalid, unknown_operation

TARGET_PREFIX = "ElasticMapReduce."


class AnswerInvalid(AssertionError):
    """The double was about to send what EMR could not: a bug of the double, never of the one who calls."""


@cache
def model() -> ServiceModel:
    """EMR as botocore describes it."""
    return ServiceModel(Loader().load_service_model("emr", "service-2"), "emr")


def operations() -> frozenset[str]:
    """Every operation of the API, answered here or not."""
    return frozenset(model().operation_names)


def read(operation: str, body: bytes) -> dict[str, Any]:
    """The parameters of a request. Raises Refusal."""
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        raise Refusal("SerializationException", "The request is not JSON.") from None
    if not isinstance(given, dict):
        raise Refusal("SerializationException", "The request must be a JSON object.")
    return checked(operation, given)


def checked(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with times as datetimes. Raises Refusal naming what breaks the input's shape."""
    if operation not in operations():
        raise unknown_operation(operation)
    shape = model().operation_model(operation).input_shape
    faults = list(_faults(shape, dict(given)))
    if faults:
        raise invalid(f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected: " + "; ".join(faults))
    return dict(_native(shape, dict(given)))


def answered(operation: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer itself. Raises AnswerInvalid when botocore's output shape does not hold it."""
    shape = model().operation_model(operation).output_shape
    if shape is None:
        if answer:
            raise AnswerInvalid(f"{operation} has no output, and yet the answer is {answer!r}")
        return {}
    faults = list(_faults(shape, answer))
    if faults:
        raise AnswerInvalid(f"{operation}: " + "; ".join(faults))
    return answer


def write(answer: Mapping[str, Any]) -> bytes:
    """As JSON: times are seconds since 1970."""
    return json.dumps(answer, default=_seconds).encode()


def _seconds(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise AnswerInvalid(f"{value!r} is no JSON")


def _faults(shape: Shape | None, value: Any) -> Iterator[str]:
    if shape is None:
        return
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        yield report.generate_report()
    else:
        yield from _deeper(shape, value, "")


def _deeper(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in value.items():
            if member is not None:
                yield from _deeper(shape.members[name], member, f"{path}.{_lower(name)}" if path else _lower(name))
    elif shape.type_name == "list":
        for number, item in enumerate(value, start=1):
            yield from _deeper(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _deeper(shape.value, item, f"{path}.{key}.member")
    elif shape.type_name == "string":
        yield from _text(shape, value, path)


def _text(shape: Any, value: str, path: str) -> Iterator[str]:
    constraint = ""
    if shape.enum and value not in shape.enum:
        constraint = f"enum value set: [{', '.join(shape.enum)}]"
    elif len(value) > shape.metadata.get("max", len(value)):
        constraint = f"length less than or equal to {shape.metadata['max']}"
    elif "pattern" in shape.metadata and not re.fullmatch(_pattern(shape.metadata["pattern"]), value):
        constraint = f"regular expression pattern: {shape.metadata['pattern']}"
    if constraint:
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy {constraint}"


def _pattern(pattern: str) -> str:
    # Java writes characters beyond the first plane as two halves; Python takes them whole.
    return pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", "\\U00010000-\\U0010FFFF")


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _native(shape: Any, value: Any) -> Any:
    """With times as datetimes; null members left out, as AWS does."""
    if shape.type_name == "structure":
        return {name: _native(shape.members[name], item) for name, item in value.items() if item is not None}
    if shape.type_name == "list":
        return [_native(shape.member, item) for item in value]
    if shape.type_name == "timestamp" and not isinstance(value, datetime):
        return datetime.fromtimestamp(float(value), UTC)
    return value

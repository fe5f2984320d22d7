"""JSON 1.1, held against botocore's own model of EMR.

A request that breaks its input's shape is refused; an answer that breaks its output's is a bug.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from engineshed.testing.emr.refusals import Refusal, invalid, unknown_operation
from engineshed.testing.emr.shapes import Shapes

TARGET_PREFIX = "ElasticMapReduce."
_SHAPES = Shapes()


class AnswerInvalid(AssertionError):
    """The double was about to send what EMR could not: a bug of the double, never of the one who calls."""


@cache
def model() -> ServiceModel:
    """EMR as botocore describes it."""
    return ServiceModel(Loader().load_service_model("emr", "service-2"), "emr")


@cache
def operations() -> frozenset[str]:
    """Every operation of the API, answered here or not."""
    return frozenset(model().operation_names)


@cache
def _input(operation: str) -> Any:
    return model().operation_model(operation).input_shape


@cache
def _output(operation: str) -> Any:
    return model().operation_model(operation).output_shape


@cache
def _times(operation: str) -> frozenset[str]:
    """Members of the input that are times; in EMR they are at the top."""
    members = _input(operation).members
    return frozenset(name for name, shape in members.items() if shape.type_name == "timestamp")


def read(body: bytes) -> dict[str, Any]:
    """What a request says. Raises Refusal."""
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        raise Refusal("SerializationException", "The request is not JSON.") from None
    if not isinstance(given, dict):
        raise Refusal("SerializationException", "The request must be a JSON object.")
    return given


def checked(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, times as datetimes. Raises Refusal naming what breaks the input's shape."""
    if operation not in operations():
        raise unknown_operation(operation)
    faults = _SHAPES.faults(_input(operation), given)
    if faults:
        count = f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected: "
        raise invalid(count + "; ".join(faults))
    times = {name: _datetime(given[name]) for name in _times(operation) if given.get(name) is not None}
    return {name: value for name, value in given.items() if value is not None} | times


def answered(operation: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer itself. Raises AnswerInvalid when botocore's output shape does not hold it."""
    shape = _output(operation)
    faults = (
        _SHAPES.faults(shape, answer) if shape is not None else [f"no output expected, not {answer}"] * bool(answer)
    )
    if faults:
        raise AnswerInvalid(f"{operation}: " + "; ".join(faults))
    return answer


def write(answer: Mapping[str, Any]) -> bytes:
    """As JSON: times are seconds since 1970."""
    return json.dumps(answer, default=_seconds).encode()


def _datetime(value: datetime | float) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)


def _seconds(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise AnswerInvalid(f"{value!r} is no JSON")

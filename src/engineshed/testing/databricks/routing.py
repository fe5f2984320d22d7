"""From a request to the function that answers it, with both held against the SDK's shapes on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engineshed.testing.databricks.forms import form_of
from engineshed.testing.databricks.refusals import Refusal
from engineshed.testing.databricks.shapes import arguments, checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `parts` are what the route's pattern caught of the path; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply: JSON as a mapping, anything else as bytes."""

    body: Mapping[str, Any] | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Given = dict[str, Any]
Handler = Callable[[Call, Given], Answer | Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """`takes`: the SDK's method whose parameters the JSON body or the query holds, None for a body of bytes.

    gives: the SDK's dataclass of the answer. also: names that `takes` does not have. of_path: the names
    of what the pattern catches, where they are parameters of `takes`. form: the body may be a form instead. open:
    needs no token.
    """

    method: str
    pattern: str
    handler: Handler
    takes: Callable[..., Any] | None = None
    gives: Any = None
    also: tuple[str, ...] = ()
    of_path: tuple[str, ...] = ()
    form: bool = False
    open: bool = False


class Router:
    """All routes of the platform."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(re.compile(route.pattern), route) for route in routes]

    def find(self, call: Call) -> tuple[Route, Call]:
        """The route of a request and the request with the parts of its path. Raises Refusal."""
        for pattern, route in self._routes:
            match = pattern.fullmatch(call.path)
            if match and route.method == call.method:
                return route, replace(call, parts=match.groups())
        raise Refusal(404, "ENDPOINT_NOT_FOUND", f"No API found for '{call.method} {call.path}'")


def answer(route: Route, call: Call) -> Answer:
    """Raises Refusal, and ShapeWrong for an answer that the SDK could not read."""
    said = route.handler(call, _given(route, call))
    if isinstance(said, Answer):
        return said
    if route.gives is not None:
        checked(route.gives, said)
    return Answer(said)


def _given(route: Route, call: Call) -> Given:
    form = form_of(call.headers.get("content-type", ""), call.body) if route.form else {}
    if form or route.takes is None:
        return form or dict(call.query)
    of_path = dict(zip(route.of_path, call.parts, strict=False))
    return arguments(route.takes, {**_plain(call), **of_path}, also=route.also)


def _plain(call: Call) -> Given:
    if call.method in ("GET", "HEAD", "DELETE") or not call.body:
        return dict(call.query)
    try:
        body = json.loads(call.body)
    except ValueError:
        raise Refusal(400, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request.") from None
    if not isinstance(body, dict):
        raise Refusal(400, "MALFORMED_REQUEST", "The body of the request must be a JSON object.")
    return {**call.query, **body}

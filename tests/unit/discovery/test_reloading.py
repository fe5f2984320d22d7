"""A reload counts when the webserver lists what the file says; all else is done again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import graphql as graphql_core
import pytest
from dagster_graphql.schema import create_schema

from engineshed.discovery.reloading import Intervals, Reloader, Webserver
from engineshed.model.errors import AccessDenied, PlatformBusy

QUICK = Intervals(retry_s=0.02, retry_at_most_s=0.05, compare_s=0.1)
SCHEMA = create_schema().graphql_schema
WEB = ("web_graph", "web.a.svc", 4000)


@dataclass
class Graphql:
    """A webserver: what its workspace file says, what it lists, and what goes wrong next."""

    url: str = ""
    file: set[tuple[str, str, int]] = field(default_factory=set)
    listed: set[tuple[str, str, int]] = field(default_factory=set)
    reloads: int = 0
    troubles: list[dict[str, object]] = field(default_factory=list)
    loaded: dict[str, object] = field(default_factory=dict)

    def answer(self, query: str) -> object:
        assert graphql_core.validate(SCHEMA, graphql_core.parse(query)) == []
        if query.startswith("mutation"):
            self.reloads += 1
            if self.troubles:
                return {"data": {"answer": self.troubles.pop(0)}}
            self.listed = set(self.file)
        entries = [
            {
                "name": n,
                "displayMetadata": [{"key": "host", "value": h}, {"key": "port", "value": str(p)}],
                "locationOrLoadError": self.loaded.get(n),
            }
            for n, h, p in self.listed
        ]
        return {"data": {"answer": {"__typename": "Workspace", "locationEntries": entries}}}


@pytest.fixture
def graphql() -> Iterator[Graphql]:
    world = Graphql()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(world.answer(asked["query"])).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        world.url = f"http://127.0.0.1:{server.server_port}/graphql"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield world
        server.shutdown()


def _until(true: Callable[[], object]) -> None:
    ends = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


def _reloader(graphql: Graphql, results: list[str]) -> Reloader:
    return Reloader(Webserver(graphql.url), lambda result, _: results.append(result), QUICK)


def test_a_change_is_reloaded_once(graphql: Graphql) -> None:
    results: list[str] = []
    reloader = _reloader(graphql, results)
    graphql.file = {WEB}
    reloader.want(frozenset({WEB}), written=True)
    _until(lambda: results == ["ok"])
    time.sleep(0.3)
    assert graphql.reloads == 1


def test_an_unchanged_webserver_is_asked_but_not_reloaded(graphql: Graphql) -> None:
    graphql.listed = graphql.file = {WEB}
    results: list[str] = []
    _reloader(graphql, results).want(frozenset({WEB}), written=False)
    time.sleep(0.4)
    assert (graphql.reloads, results) == (0, [])


def test_a_webserver_that_fell_behind_is_reloaded(graphql: Graphql) -> None:
    graphql.listed = graphql.file = {WEB}
    results: list[str] = []
    _reloader(graphql, results).want(frozenset({WEB}), written=False)
    graphql.listed = set()
    _until(lambda: results == ["ok"])


def test_a_reload_that_failed_is_repeated(graphql: Graphql) -> None:
    graphql.file = {WEB}
    graphql.troubles = [{"__typename": "PythonError", "message": "boom"}, {"__typename": "UnauthorizedError"}, {}]
    results: list[str] = []
    _reloader(graphql, results).want(frozenset({WEB}), written=True)
    _until(lambda: results == ["failed", "refused", "failed", "ok"])


def test_a_webserver_that_lists_something_else_is_reloaded_until_it_does_not(graphql: Graphql) -> None:
    results: list[str] = []
    _reloader(graphql, results).want(frozenset({WEB}), written=True)
    _until(lambda: results.count("differs") >= 2)
    graphql.file = {WEB}
    _until(lambda: results[-1] == "ok")


def test_what_a_webserver_cannot_do_is_said(graphql: Graphql) -> None:
    graphql.troubles = [{"__typename": "UnauthorizedError"}]
    with pytest.raises(AccessDenied, match="read-only"):
        Webserver(graphql.url).reload()
    with pytest.raises(PlatformBusy, match="does not answer"):
        Webserver("http://127.0.0.1:1/graphql").listed()


def test_what_code_servers_run_is_told_of_those_that_are_loaded(graphql: Graphql) -> None:
    graphql.listed = graphql.file = {WEB, ("broken", "b", 1), ("loading", "l", 1)}
    libraries = [{"name": "dagster", "version": "1.13.27"}, {"name": "engineshed", "version": "0.1.0"}]
    graphql.loaded = {"web_graph": {"dagsterLibraryVersions": libraries}, "broken": {}, "loading": None}
    told: list[object] = []
    reloader = Reloader(Webserver(graphql.url), lambda *_: None, QUICK, on_versions=told.append)
    reloader.want(frozenset(graphql.file), written=False)
    _until(lambda: told)
    assert told[0] == {
        "web_graph": {"dagster": "1.13.27", "engineshed": "0.1.0"},
        "broken": {},
        "loading": {},
    }

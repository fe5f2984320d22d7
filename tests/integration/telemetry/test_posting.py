"""Readers post live progress: the newest arrives, a slow or dead exporter costs a run nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engineshed.telemetry.exporter.callers import Accounts
from engineshed.telemetry.exporter.live import Post, Taken
from engineshed.telemetry.exporter.serving import Pulse, Served, serve
from engineshed.telemetry.posting import Poster


class Received:
    """An exporter's page that remembers what was posted."""

    def __init__(self) -> None:
        self.newest: dict[str, Post] = {}
        self.posts = 0
        callers = Accounts(lambda bearer: f"system:serviceaccount:{bearer}:runs", lambda namespace: namespace)
        served = Served(text=lambda: b"", post=self.take, callers=callers, pulse=Pulse(), now=lambda: datetime.now(UTC))
        self.server = serve(("127.0.0.1", 0), served)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, post: Post) -> Taken:
        self.posts += 1
        self.newest[post.token] = post
        return Taken.TAKEN


@pytest.fixture
def exporter() -> Iterator[Received]:
    one = Received()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_of_300_posts_a_second_the_newest_of_each_attempt_arrives(exporter: Received, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("web\n")
    poster = Poster(exporter.url, token, every_s=0.05)
    for n in range(1, 301):
        for attempt in range(20):
            poster.progress(f"es-{attempt}", n, {"tasks_done": n})
    poster.close()
    assert {t: (p.sequence, p.progress, p.team) for t, p in exporter.newest.items()} == {
        f"es-{attempt}": (300, {"tasks_done": 300.0}, "web") for attempt in range(20)
    }
    assert exporter.posts < 6000, "older words are replaced on the shelf and not sent"


def test_an_older_word_does_not_replace_a_newer_one(exporter: Received, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("web")
    poster = Poster(exporter.url, token, every_s=0.5)
    poster.progress("es-1", 5, {"rows": 5})
    poster.progress("es-1", 4, {"rows": 4})
    poster.close()
    assert exporter.newest["es-1"].progress == {"rows": 5.0}


def test_an_exporter_that_never_answers_costs_the_caller_nothing() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        poster = Poster(f"http://127.0.0.1:{deaf.getsockname()[1]}", every_s=0.01)
        began_s = time.perf_counter()
        for n in range(10_000):
            poster.progress("es-1", n, {"rows": n})
        assert time.perf_counter() - began_s < 1.0
        poster.close(within_s=0.1)


def test_an_exporter_that_is_not_there_and_a_token_that_is_missing_raise_nothing(tmp_path: Path) -> None:
    before = threading.active_count()
    for poster in (Poster("http://127.0.0.1:1", every_s=0.01), Poster("http://127.0.0.1:1", tmp_path / "none")):
        poster.progress("es-1", 1, {"rows": 1})
        poster.close()
    assert threading.active_count() <= before + 1


def test_the_shelf_is_bounded() -> None:
    poster = Poster("http://127.0.0.1:1", every_s=60, room=3)
    for n in range(100):
        poster.progress(f"es-{n}", 1, {"rows": 1})
    assert len(poster._shelf) <= 3
    poster.close(within_s=0)

"""Relay processes and readers on a store in trouble: slow, away, throttling, losing replies, closed to us."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.driver import relays
from tests.integration.messages.troubled_s3 import Trouble, TroubledS3, at_random

from engineshed.channels.objects import ObjectChannel
from engineshed.model.errors import AccessDenied, ChannelBusy
from engineshed.model.launch import Token
from engineshed.model.message import Message
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.channel_contract import CONTEXT

TOKEN = Token("es-0123456789abcdef01234567")

SCRIPT = """
import time
from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    for number in range({count}):
        pipes.report_custom_message(number)
        time.sleep({pause_s})
"""

ANY = (
    Trouble(error="SlowDown"),
    Trouble(error="InternalError"),
    Trouble(error="ServiceUnavailable"),
    Trouble(drop=True),
    Trouble(lose=True),
    Trouble(slow_s=0.3),
)


class Site:
    """An exchange, a relay that runs a script, and a reader that asks until `closed`."""

    def __init__(self, s3: TroubledS3, folder: Path) -> None:
        self.s3, self.folder = s3, folder
        self.store = open_store(s3.root, s3.access)
        self.channel = ObjectChannel(self.store, s3.access, SystemClock())
        self.wiring = self.channel.prepare(TOKEN, CONTEXT)
        self.reader = self.channel.reader(self.wiring.address)
        self.relays: list[subprocess.Popen[bytes]] = []
        self.cursor = ""
        self.heard: list[Message] = []
        self.busy = 0

    def start(self, count: int, pause_s: float) -> subprocess.Popen[bytes]:
        script = SCRIPT.format(count=count, pause_s=pause_s)
        staged = {"files": relays.stage(self.store, {"script.py": script}), "access": self.s3.access}
        self.relays.append(relays.start(self.folder, self.wiring, staged))
        return self.relays[-1]

    def poll(self) -> bool:
        """Whether `closed` was heard."""
        try:
            batch = self.reader.poll(self.cursor)
        except ChannelBusy:
            self.busy += 1
            return False
        self.cursor = batch.cursor
        self.heard += batch.messages
        return batch.closed

    def hear(self, patience_s: float = 90.0) -> list[int]:
        end = time.monotonic() + patience_s
        while not self.poll():
            assert time.monotonic() < end, f"{len(self.heard)} messages\n{(self.folder / 'relay.log').read_text()}"
            time.sleep(0.05)
        return [m.params["payload"] for m in self.heard if m.method == "report_custom_message"]


@pytest.fixture
def site(s3: TroubledS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # What the SDK repeats by itself is not what is tried here.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    site = Site(s3, tmp_path)
    yield site
    for relay in site.relays:
        relay.kill()
        relay.wait()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_third_request_in_trouble(site: Site, seed: int) -> None:
    relay = site.start(150, 0.02)
    site.s3.plan = at_random(seed, 0.35, ANY)
    assert site.hear() == list(range(150))
    site.s3.plan = lambda method, path: None
    assert relay.wait(60) == 0
    assert site.busy > 0, "the reader met no trouble: this proved nothing"


def test_a_store_that_is_away_in_mid_run(site: Site) -> None:
    site.start(200, 0.02)
    while len(site.heard) < 20:
        site.poll()
    site.s3.plan = lambda method, path: Trouble(drop=True)
    back = threading.Timer(8.0, lambda: setattr(site.s3, "plan", lambda method, path: None))
    back.start()
    assert site.hear() == list(range(200))
    back.join()
    assert site.busy > 0
    assert "is there again" in (site.folder / "relay.log").read_text()


def test_a_slow_store_holds_up_nothing_for_long(site: Site) -> None:
    site.start(100, 0.02)
    site.s3.plan = lambda method, path: Trouble(slow_s=0.4)
    start = time.monotonic()
    assert site.hear() == list(range(100))
    assert time.monotonic() - start < 30
    assert site.s3.requests["PUT"] < 40, "what is said while one object is put goes into the next"


@pytest.mark.parametrize("page_keys", [1, 3, 7])
def test_lists_of_any_page_size_and_a_second_relay(site: Site, page_keys: int) -> None:
    site.s3.page_keys = page_keys
    site.start(12, 0.25).wait(60)
    site.start(12, 0.25).wait(60)
    assert len(list(site.store.list(f"channels/{TOKEN}/messages/"))) > 2 * page_keys
    heard: list[int] = []
    while len(heard) < 24:
        before = len(site.heard)
        site.poll()
        heard += [m.params["payload"] for m in site.heard[before:] if m.method == "report_custom_message"]
    assert heard == [*range(12), *range(12)]
    assert [m.sequence for m in site.heard] == list(range(1, 29))


def test_rights_that_are_lost_in_mid_run_are_said_at_once_and_cost_no_message(site: Site) -> None:
    site.start(150, 0.02)
    while len(site.heard) < 20:
        site.poll()
    site.s3.plan = lambda method, path: Trouble(error="AccessDenied")
    start = time.monotonic()
    with pytest.raises(AccessDenied, match="is closed to us"):
        site.hear()
    assert time.monotonic() - start < 2
    time.sleep(1.0)
    site.s3.plan = lambda method, path: None
    assert site.hear() == list(range(150)), "whoever gives the rights back and watches again hears all"

"""Messages through the object store, whatever happens: nothing lost, nothing doubled, order kept.

The relay's shipper and the channel's reader are the real ones; the store between them fails, loses replies, applies a
write late, and shows new objects to the reader after a while and in any order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engineshed.channels.objects import ObjectReader
from engineshed.model.errors import ObjectMissing
from engineshed.ports.store import ObjectInfo
from engineshed.testing.clock import VirtualClock
from engineshed_relay import Away, Shipper

KEY = "channels/es-1"


@dataclass
class Sea:
    """One prefix of objects between relays and readers."""

    clock: VirtualClock
    fates: Iterator[str]
    lags: Iterator[float]
    objects: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    late: list[tuple[str, bytes]] = field(default_factory=list)
    calm: bool = False

    # What the relay does.

    def put(self, address: str, data: bytes, *, if_absent: bool = False) -> bool:
        fate = self._fate()
        if fate == "away":
            raise Away("not done")
        if fate == "late":
            self.late.append((address, data))
            raise Away("no answer, done later")
        done = self._apply(address, data)
        if fate == "lost":
            raise Away("done, and the reply was lost")
        return done

    def get(self, key: str) -> bytes:
        if key.startswith("sea/"):
            if self._fate() != "ok":
                raise Away("not done")
            return self.objects[key.removeprefix("sea/")][0]
        if key not in self._visible():
            raise ObjectMissing(key)
        return self.objects[key][0]

    def names(self, prefix: str) -> list[str]:
        if self._fate() != "ok":
            raise Away("not done")
        return [key.removeprefix(prefix.removeprefix("sea/")) for key in self.objects]

    # What the reader does.

    @property
    def root(self) -> str:
        return "sea"

    def uri(self, key: str) -> str:
        return f"sea/{key}"

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectInfo]:
        for key in sorted(self._visible()):
            if key.startswith(prefix) and key > after:
                yield ObjectInfo(key, len(self.objects[key][0]), "")

    def arrive(self) -> None:
        """Writes that had no answer are done now."""
        for address, data in self.late:
            self._apply(address, data)
        self.late.clear()

    def _apply(self, address: str, data: bytes) -> bool:
        key = address.removeprefix("sea/")
        if key in self.objects:
            return False
        self.objects[key] = (data, self.clock.monotonic_s() + next(self.lags))
        return True

    def _visible(self) -> list[str]:
        now_s = self.clock.monotonic_s()
        return [key for key, (_, visible_s) in self.objects.items() if visible_s <= now_s]

    def _fate(self) -> str:
        return "ok" if self.calm else next(self.fates)


class Machine:
    """A driver, its relay, a store and a watcher, each of which may be replaced."""

    def __init__(self, folder: Path, sea: Sea) -> None:
        self.folder, self.sea, self.clock = folder, sea, sea.clock
        self.said: list[int] = []
        self.heard: list[tuple[int, int]] = []
        self.cursor = ""
        self.lives = 0
        self.new_relay()
        self.new_reader()

    def say(self, count: int) -> None:
        """Whole lines."""
        for _ in range(count):
            self.said.append(len(self.said))
            line = json.dumps({"__dagster_pipes_version": "0.1", "method": "log", "params": {"n": self.said[-1]}})
            self.write(line.encode() + b"\n")

    def say_torn(self) -> None:
        """A line by two writes, between which the relay looks."""
        self.said.append(len(self.said))
        line = json.dumps({"__dagster_pipes_version": "0.1", "method": "log", "params": {"n": self.said[-1]}}).encode()
        self.write(line[:17])
        self.ship()
        self.write(line[17:] + b"\n")

    def write(self, data: bytes) -> None:
        with self.source.open("ab") as file:
            file.write(data)

    def ship(self) -> None:
        try:
            self.shipper.ship()
        except Away:
            return

    def new_relay(self) -> None:
        """After all that was said is shipped: what a dead machine kept to itself nobody can hear."""
        if self.lives:
            self.settle()
        self.lives += 1
        self.source = self.folder / f"messages-{self.lives}.jsonl"
        self.source.touch()
        self.shipper = Shipper(self.source, self.sea, f"sea/{KEY}/messages/")

    def settle(self) -> None:
        self.sea.calm = True
        self.shipper.ship(True)
        self.sea.calm = False

    def new_reader(self) -> None:
        self.reader = ObjectReader(self.sea, KEY, self.clock)  # type: ignore[arg-type]

    def poll(self) -> bool:
        self.clock.sleep(0.2)
        batch = self.reader.poll(self.cursor)
        moved, self.cursor = batch.cursor != self.cursor, batch.cursor
        assert batch.damaged == 0
        self.heard += [(message.sequence, message.params["n"]) for message in batch.messages]
        return moved


FATES = st.lists(st.sampled_from(["ok", "ok", "away", "lost", "late"]), max_size=60)
LAGS = st.lists(st.sampled_from([0.0, 0.0, 0.3, 1.0, 4.0]), max_size=60)
STEPS = st.lists(
    st.one_of(
        st.integers(1, 3).map(lambda count: ("say", count)),
        st.sampled_from(["say_torn", "ship", "ship", "poll", "poll", "arrive", "new_reader", "new_relay"]).map(
            lambda name: (name, 0)
        ),
    ),
    max_size=60,
)


def endless(given_first: list, then: object) -> Iterator:
    yield from given_first
    while True:
        yield then


@settings(max_examples=200)
@given(steps=STEPS, fates=FATES, lags=LAGS)
def test_every_message_is_heard_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], fates: list[str], lags: list[float]
) -> None:
    sea = Sea(VirtualClock(), endless(fates, "ok"), endless(lags, 0.0))
    machine = Machine(tmp_path_factory.mktemp("machine"), sea)
    deeds: dict[str, Callable[[int], object]] = {
        "say": machine.say,
        "say_torn": lambda _: machine.say_torn(),
        "ship": lambda _: machine.ship(),
        "poll": lambda _: machine.poll(),
        "arrive": lambda _: sea.arrive(),
        "new_reader": lambda _: machine.new_reader(),
        "new_relay": lambda _: machine.new_relay(),
    }
    for name, count in steps:
        deeds[name](count)
    machine.settle()
    sea.arrive()
    machine.clock.sleep(5.0)
    while machine.poll():
        pass
    assert machine.heard == [(n + 1, n) for n in machine.said]


@settings(max_examples=50)
@given(lines=st.lists(st.integers(1, 4), min_size=1, max_size=12), taken=st.data())
def test_the_same_cursor_gives_the_same_again(lines: list[int], taken: st.DataObject) -> None:
    sea = Sea(VirtualClock(), endless([], "ok"), endless([], 0.0))
    for number, count in enumerate(lines, start=1):
        line = json.dumps({"__dagster_pipes_version": "0.1", "method": "log", "params": {"n": number}})
        sea.put(f"sea/{KEY}/messages/{number:012}.jsonl", (line + "\n").encode() * count)
    reader = ObjectReader(sea, KEY, sea.clock)  # type: ignore[arg-type]
    whole = reader.poll("")
    assert [message.sequence for message in whole.messages] == list(range(1, sum(lines) + 1))
    number = taken.draw(st.integers(0, len(lines)))
    cursor = f"{number}:{sum(lines[:number])}:0"
    assert ObjectReader(sea, KEY, sea.clock).poll(cursor).messages == whole.messages[sum(lines[:number]) :]  # type: ignore[arg-type]

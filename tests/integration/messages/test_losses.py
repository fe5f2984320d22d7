"""The experiments in which stock readers of blob stores lose messages: ours hears all of them.

Their figures and the same experiments with them: benchmarks/messages.py, docs/messages.md. Time runs fifty times as
fast here; the ratio of the writer's period to the reader's is kept.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from tests.integration.messages.troubled_s3 import TroubledS3

from engineshed.channels.objects import ObjectChannel
from engineshed.model.launch import Token
from engineshed.model.message import Message
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed_relay import Shipper, store_of

FASTER = 50
TOKEN = Token("es-0123456789abcdef01234567")


def line(method: str, params: dict[str, object]) -> bytes:
    return json.dumps({"__dagster_pipes_version": "0.1", "method": method, "params": params}).encode() + b"\n"


class Line:
    """A driver's file of messages, its shipper, and the reader of what is shipped."""

    def __init__(self, s3: TroubledS3, folder: Path, *, writer_s: float) -> None:
        store = open_store(s3.root, s3.access)
        channel = ObjectChannel(store, s3.access, SystemClock())
        address = channel.prepare(TOKEN, {}).address
        self.source = folder / "messages.jsonl"
        self.source.touch()
        prefix = f"{address}/messages/"
        self.shipper = Shipper(self.source, store_of(prefix, s3.access), prefix, look_s=writer_s / FASTER)
        self.reader = channel.reader(address)

    def say(self, data: bytes) -> None:
        with self.source.open("ab") as file:
            file.write(data)

    def hear(self, *, reader_s: float, patience_s: float = 60.0) -> list[Message]:
        """All messages up to `closed`, with a poll every `reader_s` of the driver's time."""
        heard: list[Message] = []
        cursor, end = "", time.monotonic() + patience_s
        while True:
            batch = self.reader.poll(cursor)
            heard += batch.messages
            moved, cursor = batch.cursor != cursor, batch.cursor
            if batch.closed and not moved:
                return heard
            assert time.monotonic() < end, f"only {len(heard)} messages"
            time.sleep(reader_s / FASTER)


@pytest.mark.parametrize(("writer_s", "reader_s", "lasts_s", "said"), [(1, 10, 120, 240), (2, 10, 300, 600)])
def test_a_reader_slower_than_the_writer_hears_every_message(
    s3: TroubledS3, tmp_path: Path, writer_s: float, reader_s: float, lasts_s: float, said: int
) -> None:
    there = Line(s3, tmp_path, writer_s=writer_s)

    def drive() -> None:
        there.shipper.start()
        there.say(line("opened", {}))
        for number in range(said):
            there.say(line("log", {"n": number}))
            time.sleep(lasts_s / said / FASTER)
        there.say(line("closed", {}))
        there.shipper.finish(dict)

    driver = threading.Thread(target=drive)
    driver.start()
    heard = there.hear(reader_s=reader_s)
    driver.join()
    assert [m.method for m in heard] == ["opened", *["log"] * said, "closed"]
    assert [m.params["n"] for m in heard if m.method == "log"] == list(range(said))


def test_a_thousand_messages_of_more_than_a_megabyte_at_once_arrive_whole(s3: TroubledS3, tmp_path: Path) -> None:
    there = Line(s3, tmp_path, writer_s=1)
    said = [{"n": number, "text": "x" * 1_060} for number in range(1_000)]
    data = b"".join([line("opened", {}), *(line("log", params) for params in said), line("closed", {})])
    assert len(data) > 1_100_000
    there.say(data)
    there.shipper.ship()
    heard = there.hear(reader_s=1)
    assert there.shipper.chunks == 1
    assert [m.params for m in heard[1:-1]] == said

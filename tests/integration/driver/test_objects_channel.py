"""The channel `objects` under the contract of every channel: stock Pipes, carried by the relay, over two stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.integration.driver import relays

from engineshed.channels.objects import ObjectChannel, ObjectReader, build
from engineshed.model.errors import AccessDenied, ChannelError, SettingInvalid, StoreDenied
from engineshed.model.launch import Token
from engineshed.model.wiring import Wiring
from engineshed.ports.engine import Surroundings
from engineshed.ports.store import ObjectStore
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.channel_contract import CONTEXT, ChannelContract
from engineshed.testing.clock import VirtualClock

TOKEN = Token("es-0123456789abcdef01234567")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class TestOnAFolder(ChannelContract):
    @pytest.fixture
    def access(self) -> Mapping[str, str]:
        return {}

    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return open_store(str(tmp_path / "exchange"), {})

    @pytest.fixture
    def channel(self, store: ObjectStore, access: Mapping[str, str], tmp_path: Path) -> ObjectChannel:
        self.store, self.access, self.folder = store, access, tmp_path
        return ObjectChannel(store, access, SystemClock())

    def speak(self, body: str, *, env: Mapping[str, str], arguments: Sequence[str] = ()) -> int:
        lines = [
            f"import os, dagster_pipes, {self.imports}",
            f"with dagster_pipes.open_dagster_pipes(message_writer={self.writer}) as pipes:",
            *(f"    {line}" for line in body.splitlines()),
        ]
        wiring = Wiring(channel="objects", address="", env=env, arguments=tuple(arguments))
        staged = {"files": relays.stage(self.store, {"script.py": "\n".join(lines)}), "access": self.access}
        return relays.run(self.folder, wiring, staged, by_argument=bool(arguments))


class TestOnS3(TestOnAFolder):
    @pytest.fixture
    def access(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        return {"endpoint_url": endpoint, "region": "us-east-1"}

    @pytest.fixture
    def store(self, access: Mapping[str, str]) -> ObjectStore:
        boto3.client("s3", endpoint_url=access["endpoint_url"], region_name="us-east-1").create_bucket(
            Bucket="exchange"
        )
        return open_store("s3://exchange/some/prefix", access)


class TestDriversWriterOnS3(TestOnS3):
    imports = "engineshed_driver"
    writer = "engineshed_driver.MessageWriter()"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "exchange"), {})


def put(store: ObjectStore, number: int, *lines: str) -> None:
    text = "".join(f'{{"__dagster_pipes_version": "0.1", "method": "{line}", "params": null}}\n' for line in lines)
    store.put(f"channels/{TOKEN}/messages/{number:012}.jsonl", text.encode())


def test_a_missing_number_is_no_silence(store: ObjectStore) -> None:
    clock = VirtualClock()
    reader = ObjectChannel(store, {}, clock).reader(store.uri(f"channels/{TOKEN}"))
    put(store, 1, "opened")
    put(store, 3, "closed")
    batch = reader.poll("")
    assert ([m.method for m in batch.messages], batch.closed) == (["opened"], False)
    assert polled_until(reader, batch.cursor, clock, 4.0) == batch.cursor
    with pytest.raises(ChannelError, match=r"000000000002\.jsonl is missing, although number 3 is there"):
        polled_until(reader, batch.cursor, clock, 12.0)
    with pytest.raises(ChannelError, match="messages were deleted"):
        polled_until(reader, batch.cursor, clock, 1.0)
    put(store, 2, "log")
    clock.sleep(1.0)
    assert [(m.sequence, m.method) for m in reader.poll(batch.cursor).messages] == [(2, "log"), (3, "closed")]


def polled_until(reader: ObjectReader, cursor: str, clock: VirtualClock, seconds: float) -> str:
    end_s = clock.monotonic_s() + seconds
    while clock.monotonic_s() < end_s:
        cursor = reader.poll(cursor).cursor
        clock.sleep(0.2)
    return cursor


def test_a_number_that_shows_late_is_waited_for(store: ObjectStore) -> None:
    """As on a store whose lists or reads lag behind its writes."""
    clock = VirtualClock()
    reader = ObjectChannel(store, {}, clock).reader(store.uri(f"channels/{TOKEN}"))
    for missing in (1, 3, 5):
        put(store, missing + 1, "log")
        clock.sleep(1.0)
        before = reader.poll("")
        assert [m.sequence for m in before.messages] == list(range(1, missing))
        assert polled_until(reader, before.cursor, clock, 4.0) == before.cursor
        put(store, missing, "log")
    clock.sleep(1.0)
    assert [m.sequence for m in reader.poll("").messages] == [1, 2, 3, 4, 5, 6]


def test_a_successor_far_behind_catches_up_in_order(store: ObjectStore) -> None:
    for number in range(1, 1001):
        put(store, number, "opened", f"log-{number}")
    reader = ObjectChannel(store, {}, VirtualClock()).reader(store.uri(f"channels/{TOKEN}"))
    cursor, methods, polls = "", [], 0
    while (batch := reader.poll(cursor)).cursor != cursor:
        cursor, polls = batch.cursor, polls + 1
        methods += [m.method for m in batch.messages]
    assert methods[1::2] == [f"log-{number}" for number in range(1, 1001)]
    assert polls < 6


def test_foreign_objects_and_lines_take_no_message_with_them(store: ObjectStore) -> None:
    reader = ObjectChannel(store, {}, VirtualClock()).reader(store.uri(f"channels/{TOKEN}"))
    put(store, 1, "opened")
    store.put(f"channels/{TOKEN}/messages/000000000002.jsonl", b'{"half": \n')
    store.put(f"channels/{TOKEN}/messages/end.json", b"{}")
    store.put(f"channels/{TOKEN}/messages/999.jsonl", b"not ours")
    put(store, 3, "closed")
    batch = reader.poll("")
    assert ([m.sequence for m in batch.messages], batch.damaged, batch.closed) == ([1, 3], 1, True)


def test_a_look_that_found_nothing_is_not_repeated_at_once(store: ObjectStore) -> None:
    clock = VirtualClock()
    reader = ObjectChannel(store, {}, clock).reader(store.uri(f"channels/{TOKEN}"))
    assert reader.poll("").messages == ()
    put(store, 1, "opened")
    assert reader.poll("").messages == ()
    clock.sleep(0.5)
    assert [m.method for m in reader.poll("").messages] == ["opened"]


def test_memory_stays_flat_over_many_objects(store: ObjectStore) -> None:
    channel = ObjectChannel(store, {}, VirtualClock())
    reader = channel.reader(channel.prepare(TOKEN, CONTEXT).address)
    for number in range(1, 7):
        store.put(f"channels/{TOKEN}/messages/{number:012}.jsonl", b"x" * 2**20 + b"\n")
    cursor, damaged = "", []
    while (batch := reader.poll(cursor)).cursor != cursor:
        cursor = batch.cursor
        damaged.append(batch.damaged)
    assert damaged == [4, 2]


def test_a_store_that_refuses_says_so_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(str(tmp_path), {})

    def refused(key: str) -> bytes:
        raise StoreDenied("no rights")

    monkeypatch.setattr(store, "get", refused)
    with pytest.raises(AccessDenied, match="is closed to us"):
        ObjectChannel(store, {}, VirtualClock()).reader(store.uri(f"channels/{TOKEN}")).poll("")


def test_an_address_of_another_exchange_is_refused(store: ObjectStore) -> None:
    with pytest.raises(ChannelError, match="was exchange_root changed"):
        ObjectChannel(store, {}, VirtualClock()).reader("s3://other/channels/es-1")


@pytest.mark.parametrize("token", ["", "a/b"])
def test_a_token_is_one_word(store: ObjectStore, token: str) -> None:
    with pytest.raises(ChannelError, match="single word"):
        ObjectChannel(store, {}, VirtualClock()).prepare(Token(token), {})


def test_without_an_exchange_it_says_what_to_set(tmp_path: Path) -> None:
    surroundings = Surroundings(home=str(tmp_path), python="python", clock=VirtualClock())
    with pytest.raises(SettingInvalid, match="set exchange_root"):
        build({}, surroundings)
    with pytest.raises(SettingInvalid, match=r"channels\.objects\.root: no such setting"):
        build({"root": "x"}, surroundings)

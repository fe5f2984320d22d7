"""How many messages arrive: Dagster's reader of blob stores beside ours, in the same experiments.

    .venv/bin/python benchmarks/messages.py [--faster N]

A driver says two messages a second. The stock pair is `PipesS3MessageWriter` and `PipesS3MessageReader` of the
installed dagster-pipes and dagster-aws, unchanged. Ours is the relay's shipper and the reader of channel `objects`,
once at the very periods of the stock pair and once as shipped. All of them speak real HTTP to one S3 server (moto).
Time runs N times as fast for everybody, by replacing clock and sleep in those modules; the ratios of all periods are
kept. An interval of 10 s means a look every 11 s, and one of 1 s every 2 s: stock loops compare whole seconds.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import threading
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "spark" / "driver")]

import boto3  # noqa: E402
import dagster_pipes  # noqa: E402
from benchmarks.apparatus.s3 import BUCKET, REGION, s3_server  # noqa: E402
from dagster._core.pipes import utils as dagster_readers  # noqa: E402
from dagster_aws.pipes import PipesS3MessageReader  # noqa: E402

from engineshed.channels.objects import ObjectChannel  # noqa: E402
from engineshed.model.launch import LaunchKey  # noqa: E402
from engineshed.storage.objects import open_store  # noqa: E402
from engineshed_relay import Shipper, store_of  # noqa: E402

A_SECOND = 2
"""Messages that the driver says."""


@dataclass(frozen=True)
class Experiment:
    """Intervals and length in seconds of the driver's time."""

    writer_s: float
    reader_s: float
    lasts_s: float

    @property
    def messages(self) -> int:
        return int(A_SECOND * self.lasts_s)


EXPERIMENTS = (
    Experiment(1, 10, 120),
    Experiment(2, 10, 300),
    Experiment(10, 10, 420),
    Experiment(1, 1, 120),
)


class FastTime:
    """A clock for modules that are given it in place of `time` and `datetime`; also a Clock of ours."""

    def __init__(self, faster: float) -> None:
        self.faster, self._start_s, self._start = faster, time.monotonic(), datetime.datetime(2026, 1, 1)  # noqa: DTZ001
        clock = self

        class Moment(datetime.datetime):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Any:
                return clock._start + datetime.timedelta(seconds=clock.monotonic_s())

        self.datetime_module = types.SimpleNamespace(
            datetime=Moment, timedelta=datetime.timedelta, timezone=datetime.timezone, date=datetime.date
        )
        self.time_module = types.SimpleNamespace(
            sleep=self.sleep, time=time.time, monotonic=self.monotonic_s, perf_counter=time.perf_counter
        )

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def monotonic_s(self) -> float:
        return (time.monotonic() - self._start_s) * self.faster

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.faster)

    @contextmanager
    def in_stock_modules(self) -> Iterator[None]:
        before = (dagster_readers.datetime, dagster_readers.time, dagster_pipes.datetime, dagster_pipes.time)
        dagster_readers.datetime, dagster_readers.time = self.datetime_module, self.time_module
        dagster_pipes.datetime, dagster_pipes.time = self.datetime_module, self.time_module
        try:
            yield
        finally:
            dagster_readers.datetime, dagster_readers.time, dagster_pipes.datetime, dagster_pipes.time = before


class Heard:
    """What a stock reader hands to, as `PipesMessageHandler` is."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.errors: list[Any] = []

    @property
    def received_closed_message(self) -> bool:
        return any(message["method"] == "closed" for message in self.messages)

    def handle_message(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def report_pipes_framework_exception(self, where: str, error: Any) -> None:
        self.errors.append(error)


def message(method: str, **params: Any) -> Any:
    return {"__dagster_pipes_version": "0.1", "method": method, "params": params}


def speak(experiment: Experiment, clock: FastTime, say: Any) -> None:
    """The driver."""
    say(message("opened"))
    start_s = clock.monotonic_s()
    for number in range(experiment.messages):
        say(message("log", message=str(number), level="INFO"))
        due_s = start_s + (number + 1) / A_SECOND
        clock.sleep(max(0.0, due_s - clock.monotonic_s()))
    say(message("closed"))


def stock(experiment: Experiment, address: str, faster: float) -> tuple[int, bool]:
    """Messages received and whether `closed` was."""
    clock, heard = FastTime(faster), Heard()
    client = boto3.client("s3", endpoint_url=address, region_name=REGION)
    with clock.in_stock_modules():
        reader = PipesS3MessageReader(bucket=BUCKET, client=client, interval=experiment.reader_s)
        with reader.read_messages(heard) as params:  # type: ignore[arg-type]
            writer = dagster_pipes.PipesS3MessageWriter(client, interval=experiment.writer_s)
            with writer.open(params) as channel:
                speak(experiment, clock, channel.write_message)
    assert not heard.errors, heard.errors
    return sum(m["method"] == "log" for m in heard.messages), heard.received_closed_message


def ours(experiment: Experiment, address: str, faster: float, *, as_shipped: bool) -> tuple[int, bool]:
    """The same of ours. Not as shipped: it looks as seldom as the stock pair."""
    clock = FastTime(faster)
    look_s = 0.1 if as_shipped else experiment.writer_s + 1
    poll_s = 0.2 if as_shipped else experiment.reader_s + 1
    access = {"endpoint_url": address, "region": REGION}
    store = open_store(f"s3://{BUCKET}", access)
    channel = ObjectChannel(store, access, clock)
    token = LaunchKey(f"{experiment}{as_shipped}{time.time()}", "step").token(1)
    prefix = f"{channel.prepare(token, {}).address}/messages/"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "messages.jsonl")
        source.touch()
        shipper = Shipper(source, store_of(prefix, access), prefix, look_s=look_s / faster)

        def say(said: Any) -> None:
            with source.open("a") as file:
                file.write(json.dumps(said) + "\n")

        def drive() -> None:
            shipper.start()
            speak(experiment, clock, say)
            shipper.finish(dict)

        driver = threading.Thread(target=drive)
        driver.start()
        reader, cursor, logs, end_s = channel.reader(prefix.removesuffix("/messages/")), "", 0, None
        while True:
            batch = reader.poll(cursor)
            logs += sum(m.method == "log" for m in batch.messages)
            moved, cursor = batch.cursor != cursor, batch.cursor
            if batch.closed or (end_s is not None and clock.monotonic_s() > end_s):
                driver.join()
                return logs, batch.closed
            if not driver.is_alive() and not moved and end_s is None:
                end_s = clock.monotonic_s() + 15
            clock.sleep(poll_s)


def main() -> int:
    """Print the table; 1 when ours lost one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faster", type=float, default=20.0)
    given = parser.parse_args()
    lost = 0
    print("| writer / reader, length | said | Dagster's reader | ours, same periods | ours as shipped |")
    print("|---|---|---|---|---|")
    with s3_server() as address:
        for experiment in EXPERIMENTS:
            cells = [
                stock(experiment, address, given.faster),
                ours(experiment, address, given.faster, as_shipped=False),
                ours(experiment, address, given.faster, as_shipped=True),
            ]
            lost += sum(cell != (experiment.messages, True) for cell in cells[1:])
            told = [f"{logs}, {'closed' if closed else '`closed` never seen'}" for logs, closed in cells]
            what = f"{experiment.writer_s:g} s / {experiment.reader_s:g} s, {experiment.lasts_s:g} s"
            print(f"| {what} | {experiment.messages} | {' | '.join(told)} |", flush=True)
    versions = ", ".join(f"{name} {version(name)}" for name in ("dagster-pipes", "dagster-aws"))
    print(f"\ntime {given.faster:g} times as fast; {versions}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())

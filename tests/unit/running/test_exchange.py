"""What drivers of other machines are given: code and data files by content, each uploaded once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.running.conftest import World

from engineshed.model.errors import JobInvalid, NoOffer, StoreBusy
from engineshed.model.job import Mode, SampleInput, SparkJob
from engineshed.model.partition import PartitionSelection
from engineshed.ports.engine import Capabilities
from engineshed.running.exchange import Exchange, Moved
from engineshed.running.launching import plan_order
from engineshed.running.route import Route
from engineshed.running.staging import Staging
from engineshed.running.standalone import StandaloneStep
from engineshed.storage.objects import LocalStore
from engineshed.testing.clock import VirtualClock
from engineshed.testing.platform import VirtualEngine


class Counting(LocalStore):
    """A folder that counts uploads, and waits before each for `gate`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.uploads: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.before: Callable[[], None] = lambda: None

    def put_file(self, key: str, path: Path, moved: Callable[[int], None] | None = None) -> None:
        self.uploads.append(path.name)
        self.before()
        self.gate.wait(20)
        super().put_file(key, path, moved)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "exchange")


@pytest.fixture
def exchange(store: Counting, tmp_path: Path) -> Exchange:
    driver = tmp_path / "engineshed_driver.py"
    driver.write_text("driver")
    (tmp_path / "job.py").write_text("job")
    return Exchange(store, driver, VirtualClock(), tell_s=0.01)


def job(tmp_path: Path, *data: str) -> SparkJob:
    return SparkJob(name="job", script=str(tmp_path / "job.py"), data=tuple(str(tmp_path / place) for place in data))


def silent(moved: Moved) -> None:
    pass


def test_each_place_is_answered_in_the_order_of_names(exchange: Exchange, store: Counting, tmp_path: Path) -> None:
    for name in ("b.gz", "a.gz", "c.txt"):
        (tmp_path / name).write_text(f"content of {name}")
    staged = exchange.stage(job(tmp_path, "*.gz", "c.txt"), silent)
    assert list(staged.data) == [str(tmp_path / "*.gz"), str(tmp_path / "c.txt")]
    read = {place: [Path(a).read_text() for a in addresses] for place, addresses in staged.data.items()}
    assert list(read.values()) == [["content of a.gz", "content of b.gz"], ["content of c.txt"]]
    assert [Path(a).name for a in staged.data[str(tmp_path / "*.gz")]] == ["a.gz", "b.gz"]
    assert Path(staged.script.uri).read_text() == "job"
    assert staged.root == f"{store.root}/staged/2026-01/{staged.digest}"


def test_what_is_there_is_not_sent_again(exchange: Exchange, store: Counting, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_text("one")
    first = exchange.stage(job(tmp_path, "*.gz"), silent)
    os.utime(tmp_path / "a.gz", (1, 1))
    (tmp_path / "b.gz").write_text("two")
    second = exchange.stage(job(tmp_path, "*.gz"), silent)
    assert store.uploads == ["a.gz", "b.gz"]
    assert second.data[str(tmp_path / "*.gz")][:1] == first.data[str(tmp_path / "*.gz")]


def test_a_place_without_files_is_named(exchange: Exchange, tmp_path: Path) -> None:
    (tmp_path / "folder.gz").mkdir()
    with pytest.raises(JobInvalid, match=r"job 'job': no data file matches .*\*\.gz"):
        exchange.stage(job(tmp_path, "*.gz"), silent)


def test_a_long_upload_is_told_of_and_can_be_ended(exchange: Exchange, store: Counting, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"x" * 3 * 2**20)
    store.gate.clear()
    told: list[str] = []

    def end(moved: Moved) -> None:
        told.append(str(moved))
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exchange.stage(job(tmp_path, "a.gz"), end)
    store.gate.set()
    assert told == ["0 of 1 files, 0 of 3 MiB"] * 3


def test_a_store_in_trouble_is_said_at_once(exchange: Exchange, store: Counting, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_text("one")

    def busy() -> None:
        raise StoreBusy("slow down")

    store.before = busy
    with pytest.raises(StoreBusy, match="slow down"):
        exchange.stage(job(tmp_path, "a.gz"), silent)


def test_a_file_that_changes_meanwhile_is_not_what_it_is_called(
    exchange: Exchange, store: Counting, tmp_path: Path
) -> None:
    (tmp_path / "a.gz").write_text("one")
    store.before = lambda: (tmp_path / "a.gz").write_text("other")  # type: ignore[assignment, return-value]
    with pytest.raises(JobInvalid, match="was changed while it was uploaded"):
        exchange.stage(job(tmp_path, "a.gz"), silent)
    assert list(store.list("data/")) == []


def test_a_sample_has_data_files_of_its_own() -> None:
    whole = SparkJob(name="job", script="s.py", data=("/full",), sample=SampleInput(data=("/sample",)))
    assert whole.in_mode(Mode.SAMPLE).data == ("/sample",)
    assert whole.in_mode(Mode.FULL).data == ("/full",)
    with pytest.raises(JobInvalid, match="'relative': give an absolute path"):
        SparkJob(name="job", script="s.py", data=("relative",))


class Elsewhere(VirtualEngine):
    """Its drivers share no files with the launcher."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(transports=("files",), logs=False, beyond_machine=True)


@pytest.fixture
def far_world(make_world: Callable[..., World], tmp_path: Path) -> World:
    (tmp_path / "a.gz").write_text("one")
    world = make_world(data=(str(tmp_path / "*.gz"),))
    shed = replace(world.shed, engines={"far": Elsewhere(world.platform, "far"), **world.shed.engines})
    return replace(world, shed=shed)


def launched(world: World, engine: str) -> dict[str, Any]:
    """Run the order on an engine; what its driver was told of code and data, and where its code was put."""
    shed = replace(world.shed, engines={engine: world.shed.engines[engine]})
    step = StandaloneStep(world.order.asset, PartitionSelection(), lambda text: None)
    result = Route(step, world.order, shed).run()
    attempt = shed.ledger.attempt(result.token)
    assert attempt is not None
    context = json.loads(Path(attempt.intent.address, "context.json").read_text())
    return {"root": attempt.intent.record["staged"]["root"], "data": context["extras"]["engineshed"]["data"]}


def test_engines_elsewhere_get_code_and_data_from_the_exchange(
    far_world: World, exchange: Exchange, store: Counting, tmp_path: Path
) -> None:
    far = launched(replace(far_world, shed=replace(far_world.shed, exchange=exchange)), "far")
    assert str(far["root"]).startswith(f"{store.root}/staged/")
    [(place, [address])] = far["data"].items()
    assert (place, Path(address).read_text()) == (str(tmp_path / "*.gz"), "one")


def test_engines_of_this_machine_read_in_place(far_world: World, exchange: Exchange, store: Counting) -> None:
    here = launched(replace(far_world, shed=replace(far_world.shed, exchange=exchange)), "virtual")
    assert (here["data"], store.uploads, list(store.list(""))) == ({}, [], [])


def test_without_an_exchange_an_engine_elsewhere_cannot_read_data_files(far_world: World) -> None:
    plan = plan_order(far_world.order, far_world.shed)
    assert plan.chosen.offer.engine == "virtual"
    assert [(r.engine, r.code) for r in plan.rejections] == [("far", "no_exchange")]
    only = replace(far_world.shed, engines={"far": far_world.shed.engines["far"]})
    with pytest.raises(NoOffer, match="set exchange_root"):
        _ = plan_order(far_world.order, only).chosen


def test_code_of_the_exchange_can_be_had_here_again(exchange: Exchange, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "deep.py").write_text("deep")
    asked = replace(job(tmp_path), modules=(str(tmp_path / "lib"),))
    staged = exchange.stage(asked, silent)
    here = Staging(LocalStore(tmp_path / "home"), tmp_path / "engineshed_driver.py")
    root = Path(here.keep(staged.digest, exchange.files(staged.root)))
    assert root == tmp_path / "home" / "staged" / staged.digest
    assert (root / "job.py").read_text() == "job"
    assert (root / "lib" / "deep.py").read_text() == "deep"

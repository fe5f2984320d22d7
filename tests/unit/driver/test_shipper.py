"""How lines of a growing file become objects: whole, in order, each once, whatever the store does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engineshed_relay import Away, Folder, Shipper


class Moody(Folder):
    """A folder that fails as asked: `lost` puts are done and their replies lost, `away` calls are not done."""

    def __init__(self, lost: int = 0, away: int = 0) -> None:
        self.lost, self.away = lost, away

    def put(self, address: str, data: bytes, *, if_absent: bool = False) -> bool:
        if self.away:
            self.away -= 1
            raise Away("away")
        done = super().put(address, data, if_absent=if_absent)
        if self.lost:
            self.lost -= 1
            raise Away("the reply was lost")
        return done


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "messages.jsonl"
    path.touch()
    return path


def shipped(tmp_path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((tmp_path / "out").glob("*.jsonl"))}


def ship(tmp_path: Path, source: Path, store: Folder, *said: bytes) -> Shipper:
    shipper = Shipper(source, store, f"{tmp_path}/out/", look_s=0.001)
    shipper.start()
    for text in said:
        with source.open("ab") as file:
            file.write(text)
        until(lambda: sum(map(len, shipped(tmp_path).values())) >= source.read_bytes().rfind(b"\n") + 1)
    shipper.finish(lambda: {"chunks": shipper.chunks, "lines": shipper.lines})
    return shipper


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_only_whole_lines_leave_and_the_torn_one_at_the_end(tmp_path: Path, source: Path) -> None:
    ship(tmp_path, source, Folder(), b"one\nt", b"wo\nthr")
    assert shipped(tmp_path) == {
        "000000000001.jsonl": b"one\n",
        "000000000002.jsonl": b"two\n",
        "000000000003.jsonl": b"thr\n",
    }
    assert (tmp_path / "out" / "end.json").read_text() == '{"chunks": 3, "lines": 3}'


@pytest.mark.parametrize(("lost", "away"), [(3, 0), (0, 4), (1, 3)])
def test_a_store_in_trouble_gets_every_line_once(tmp_path: Path, source: Path, lost: int, away: int) -> None:
    ship(tmp_path, source, Moody(lost, away), b"one\n", b"two\n")
    assert b"".join(shipped(tmp_path).values()) == b"one\ntwo\n"
    assert list(shipped(tmp_path)) == ["000000000001.jsonl", "000000000002.jsonl"]


def test_a_successor_goes_on_behind_what_is_there(tmp_path: Path, source: Path) -> None:
    ship(tmp_path, source, Folder(), b"one\n")
    other = tmp_path / "other.jsonl"
    other.touch()
    ship(tmp_path, other, Folder(), b"one\n")
    assert shipped(tmp_path) == {"000000000001.jsonl": b"one\n", "000000000002.jsonl": b"one\n"}


def test_names_that_are_not_its_own_do_not_move_it(tmp_path: Path, source: Path) -> None:
    for name in ("notes.jsonl", "999.jsonl", "000000000007.json"):
        Folder().put(f"{tmp_path}/out/{name}", b"foreign")
    ship(tmp_path, source, Folder(), b"one\n")
    assert shipped(tmp_path)["000000000001.jsonl"] == b"one\n"


def test_a_chatty_script_fills_few_objects(tmp_path: Path, source: Path) -> None:
    """Each object is billed: what is said while one is sent and for a while after goes into the next."""
    shipper = Shipper(source, Folder(), f"{tmp_path}/out/", look_s=0.02)
    shipper.start()
    start = time.monotonic()
    with source.open("ab", buffering=0) as file:
        for number in range(300):
            file.write(f"{number}\n".encode())
            time.sleep(0.001)
    shipper.finish(dict)
    assert b"".join(shipped(tmp_path).values()) == source.read_bytes()
    assert len(shipped(tmp_path)) <= (time.monotonic() - start) / 0.06 + 3


def test_two_at_once_lose_nothing(tmp_path: Path, source: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.touch()
    both = [Shipper(path, Folder(), f"{tmp_path}/out/", look_s=0.001) for path in (source, other)]
    for shipper in both:
        shipper.start()
    for number in range(50):
        for name, path in (("a", source), ("b", other)):
            with path.open("ab") as file:
                file.write(f"{name}{number}\n".encode())
        time.sleep(0.001)
    for shipper in both:
        shipper.finish(dict)
    lines = b"".join(shipped(tmp_path).values()).decode().split()
    for name in "ab":
        assert [line for line in lines if line.startswith(name)] == [f"{name}{number}" for number in range(50)]
    assert list(shipped(tmp_path)) == [f"{n:012}.jsonl" for n in range(1, len(shipped(tmp_path)) + 1)]


def test_a_line_longer_than_a_chunk_stays_one(tmp_path: Path, source: Path) -> None:
    long = b"x" * (9 * 2**20) + b"\n"
    ship(tmp_path, source, Folder(), b"short\n" * 10 + long + b"short\n")
    objects = list(shipped(tmp_path).values())
    assert b"".join(objects) == source.read_bytes()
    assert len(objects) > 1
    assert all(data.endswith(b"\n") for data in objects)


def test_it_gives_up_when_it_is_told_to(tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipper = Shipper(source, Moody(away=10**9), f"{tmp_path}/out/", look_s=0.001)
    shipper.give_up = lambda: True
    source.write_text("one\n")
    shipper.start()
    shipper.finish(dict)
    assert shipped(tmp_path) == {}
    assert "giving up on" in capsys.readouterr().err

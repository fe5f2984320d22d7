"""How the relay writes where there are neither links nor renames: whole files, each once, torn ones made whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from engineshed_relay import Away, Folder, Shipper, Volume, store_of


class Torn(Volume):
    """Breaks off in the midst of its first writes, as a mount that goes away does."""

    def __init__(self, times: int) -> None:
        self.times = times

    def put(self, address: str, data: bytes, *, if_absent: bool = False) -> bool:
        if self.times and data.endswith(b"\n"):
            self.times -= 1
            Path(address).parent.mkdir(parents=True, exist_ok=True)
            Path(address).write_bytes(data[: len(data) // 2])
            raise Away("the mount went away")
        return super().put(address, data, if_absent=if_absent)


def test_a_volumes_path_is_written_as_volumes_take_it() -> None:
    assert type(store_of("/Volumes/a/b/c/x", {})) is Volume
    assert type(store_of("/tmp/x", {})) is Folder


def test_the_first_to_write_has_it(tmp_path: Path) -> None:
    at = f"{tmp_path}/deep/down/1.jsonl"
    assert Volume().put(at, b"one\n", if_absent=True) is True
    assert Volume().put(at, b"one\n", if_absent=True) is False
    assert Volume().put(at, b"two\n", if_absent=True) is False
    assert Volume().get(at) == b"one\n"
    assert Volume().put(at, b"two\n") is True
    assert Volume().get(at) == b"two\n"


@pytest.mark.parametrize("there", [b"", b"on"])
def test_its_own_write_that_broke_off_is_made_whole(there: bytes, tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_bytes(there)
    assert Volume().put(f"{tmp_path}/1.jsonl", b"one\n", if_absent=True) is True
    assert (tmp_path / "1.jsonl").read_bytes() == b"one\n"


def test_lines_arrive_once_although_writes_break_off(tmp_path: Path) -> None:
    source = tmp_path / "messages.jsonl"
    source.write_bytes(b"one\ntwo\n")
    shipper = Shipper(source, Torn(3), f"{tmp_path}/out/", look_s=0.001)
    shipper.start()
    shipper.finish(lambda: {"chunks": shipper.chunks, "lines": shipper.lines})
    shipped = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert shipped == {"000000000001.jsonl": b"one\ntwo\n", "end.json": b'{"chunks": 1, "lines": 2}'}

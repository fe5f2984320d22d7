import os
from pathlib import Path

from engineshed.processes.output import Pump


def pumped(data: bytes, path: Path, limit_bytes: int) -> bytes:
    read_fd, write_fd = os.pipe()
    pump = Pump(os.fdopen(read_fd, "rb", buffering=0), path, limit_bytes=limit_bytes)
    for at in range(0, len(data), 50_000):
        os.write(write_fd, data[at : at + 50_000])
        assert pump.move()
    assert pump.move() is None
    os.close(write_fd)
    pump.close()
    return path.read_bytes()


def test_what_fits_is_kept_whole(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    assert pumped(data, tmp_path / "log", 300_000) == data


def test_what_does_not_fit_keeps_start_and_end_and_says_what_is_gone(tmp_path: Path) -> None:
    data = bytes(range(250)) * 4_000
    kept = pumped(data, tmp_path / "log", 100_000)
    head, note, tail = kept.partition(b"\n[")
    dropped, _, tail = tail.partition(b" bytes dropped here: the limit of this log is reached]\n")
    assert note
    assert head == data[:100_000]
    assert data.endswith(tail)
    assert len(tail) >= 64 * 1024
    assert int(dropped) == len(data) - len(head) - len(tail)

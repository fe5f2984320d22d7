"""`engineshed pack` with the real pip, whose index is a folder of this test."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.running.wheels import pinned, wheel

from engineshed.cli import cli
from engineshed.model.errors import SettingInvalid
from engineshed.running.packed import MANIFEST, read_packed


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path / "index"


def pack(tmp_path: Path, lock: str, *arguments: str, python: str = "3.11") -> Path:
    (tmp_path / "requirements.lock").write_text(lock)
    out = tmp_path / "packed"
    given = ["pack", "--requirements", str(tmp_path / "requirements.lock"), "--python", python, "--out", str(out)]
    done = CliRunner().invoke(cli, [*given, "--architecture", "x86_64", *arguments])
    if done.exception is not None:
        raise done.exception
    assert "wheels" in done.output
    return out


def test_wheels_of_the_target_are_taken_not_those_of_this_machine(tmp_path: Path, index: Path) -> None:
    pure = wheel(index, "pure")
    native = [
        wheel(index, "native", tag=f"cp{python}-cp{python}-manylinux_2_17_{machine}")
        for python in ("310", "311", "312")
        for machine in ("x86_64", "aarch64")
    ]
    stable = wheel(index, "stable", tag="cp39-abi3-manylinux2014_x86_64")
    lock = pinned(pure) + pinned(*native) + pinned(stable)
    out = pack(tmp_path, lock, python="3.10")
    names = {pure.name, stable.name, "native-1.0-cp310-cp310-manylinux_2_17_x86_64.whl"}
    assert {path.name for path in out.glob("*.whl")} == names
    packed = read_packed(out)
    assert (packed.python, packed.architecture, set(packed.wheels)) == ("3.10", "x86_64", names)


def test_a_wheel_with_another_hash_than_the_locks_is_refused(tmp_path: Path, index: Path) -> None:
    lock = pinned(wheel(index, "pure"))
    (index / "pure-1.0-py3-none-any.whl").write_bytes((wheel(tmp_path / "other", "pure")).read_bytes() + b"\0")
    with pytest.raises(SettingInvalid, match=r"(?s)pip could not fetch the wheels.*pure"):
        pack(tmp_path, lock)
    assert not (tmp_path / "packed" / MANIFEST).exists()


def test_a_package_without_a_wheel_is_refused(tmp_path: Path, index: Path) -> None:
    index.mkdir()
    (index / "built-1.0.tar.gz").write_bytes(b"source")
    with pytest.raises(SettingInvalid, match=r"(?s)pip could not fetch the wheels.*built"):
        pack(tmp_path, f"built==1.0 --hash=sha256:{'0' * 64}\n")

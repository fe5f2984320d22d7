"""Packing wheels for another platform, and giving them to drivers by content."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from engineshed.model.errors import SettingInvalid
from engineshed.model.job import SparkJob
from engineshed.running.exchange import Exchange
from engineshed.running.packed import MANIFEST, read_packed
from engineshed.running.packing import Target, chosen
from engineshed.running.packing import pack as pack_wheels
from engineshed.running.premises import read_premises
from engineshed.running.probing import probe_places
from engineshed.storage.objects import LocalStore
from engineshed.testing.clock import VirtualClock

from .wheels import pinned, wheel


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def pack(tmp_path: Path, lock: str, *without: str) -> Path:
    """As the command does, with an index that is a folder and whose wheels all fit."""
    (tmp_path / "requirements.lock").write_text(lock)

    def download(arguments: Sequence[str]) -> None:
        wanted = Path(arguments[arguments.index("--requirement") + 1]).read_text().splitlines()
        for name, _, version in (line.split(" ")[0].partition("==") for line in wanted):
            [found] = (tmp_path / "index").glob(f"{name}-{version}-*.whl")
            shutil.copy(found, arguments[arguments.index("--dest") + 1])

    out = tmp_path / "packed"
    target = Target("3.11", "x86_64")
    pack_wheels(tmp_path / "requirements.lock", target, out, without=without, download=download)
    return out


def test_packed_again_what_is_not_needed_any_more_goes(tmp_path: Path, index: Path) -> None:
    one, two = wheel(index, "pure", "1.0"), wheel(index, "pure", "2.0")
    pack(tmp_path, pinned(one))
    out = pack(tmp_path, pinned(two))
    assert [path.name for path in out.glob("*.whl")] == [two.name]
    assert list(read_packed(out).wheels) == [two.name]


def test_what_the_platform_brings_is_left_out(tmp_path: Path, index: Path) -> None:
    pure, spark = wheel(index, "pure"), wheel(index, "pyspark")
    out = pack(tmp_path, pinned(pure) + pinned(spark), "PySpark")
    assert list(read_packed(out).wheels) == [pure.name]
    with pytest.raises(SettingInvalid, match="--without sparkpy: the lock has no such package"):
        pack(tmp_path, pinned(pure), "sparkpy")


@pytest.mark.parametrize("lock", ["pure==1.0\n", f"pure>=1.0 --hash=sha256:{'0' * 64}\n", "git+ssh://host/repo\n"])
def test_a_lock_that_pins_or_hashes_nothing_is_refused(tmp_path: Path, index: Path, lock: str) -> None:
    with pytest.raises(SettingInvalid, match=r"generate-hashes|with hashes"):
        pack(tmp_path, lock)


def test_a_folder_with_something_else_in_it_is_not_touched(tmp_path: Path, index: Path) -> None:
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "thesis.tex").write_text("years of work")
    with pytest.raises(SettingInvalid, match=r"holds thesis\.tex, which no pack made"):
        pack(tmp_path, pinned(wheel(index, "pure")))


def test_markers_are_read_for_the_target() -> None:
    lock = """
# made by a tool
old==1 ; python_version < '3.11' --hash=sha256:aa  # for old ones
new==1 ; python_version >= '3.11' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
win==1 ; sys_platform == 'win32' --hash=sha256:dd
arm==1 ; platform_machine == 'aarch64' --hash=sha256:ee
"""
    assert chosen(lock, Target("3.11", "x86_64")) == ["new==1 --hash=sha256:bb --hash=sha256:cc"]
    assert chosen(lock, Target("3.9", "aarch64")) == ["old==1 --hash=sha256:aa", "arm==1 --hash=sha256:ee"]


@pytest.mark.parametrize(("python", "architecture"), [("3", "x86_64"), ("2.7", "x86_64"), ("3.11", "sparc")])
def test_a_target_that_is_none_is_refused(python: str, architecture: str) -> None:
    with pytest.raises(SettingInvalid, match=r"--python|--architecture"):
        Target(python, architecture)


class Site:
    """A packed environment and an exchange."""

    def __init__(self, tmp_path: Path, index: Path) -> None:
        self.folder = pack(tmp_path, pinned(wheel(index, "pure")) + pinned(wheel(index, "other")))
        (tmp_path / "engineshed_driver.py").write_text("driver")
        (tmp_path / "job.py").write_text("job")
        self.job = SparkJob(name="job", script=str(tmp_path / "job.py"))
        self.puts: list[str] = []
        site = self

        class Counting(LocalStore):
            def put_file(self, key, path, moved=None):
                site.puts.append(path.name)
                super().put_file(key, path, moved)

        store = Counting(tmp_path / "exchange")
        self.exchange = Exchange(store, tmp_path / "engineshed_driver.py", VirtualClock())

    def stage(self):
        return self.exchange.stage(self.job, lambda moved: None, read_packed(self.folder)).environment


@pytest.fixture
def site(tmp_path: Path, index: Path) -> Site:
    return Site(tmp_path, index)


def test_each_wheel_is_uploaded_once_by_content(site: Site, tmp_path: Path) -> None:
    first, second = site.stage(), site.stage()
    assert first == second
    assert sorted(site.puts) == ["other-1.0-py3-none-any.whl", "pure-1.0-py3-none-any.whl"]
    assert (first.python, first.architecture, len(first.lock_sha256)) == ("3.11", "x86_64", 64)
    for artefact in first.wheels:
        assert Path(artefact.uri).read_bytes() == (site.folder / artefact.name).read_bytes()
        assert artefact.uri.endswith(f"/staged/2026-01/wheels/{artefact.sha256}/{artefact.name}")


def test_a_wheel_that_is_missing_or_changed_is_refused_by_name(site: Site) -> None:
    other, pure = (site.folder / f"{name}-1.0-py3-none-any.whl" for name in ("other", "pure"))
    whole = pure.read_bytes()
    pure.write_bytes(whole + b"\0")
    with pytest.raises(SettingInvalid, match=r"wheel pure-1\.0-py3-none-any\.whl .* is not what was packed"):
        site.stage()
    pure.write_bytes(whole)
    other.unlink()
    with pytest.raises(SettingInvalid, match=r"wheel other-1\.0-py3-none-any\.whl is missing"):
        site.stage()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "python": "3.11"}'])
def test_a_manifest_that_is_none_is_refused(site: Site, text: str) -> None:
    (site.folder / MANIFEST).write_text(text)
    with pytest.raises(SettingInvalid, match=r"environment\.json is no manifest"):
        read_packed(site.folder)


def test_a_folder_without_a_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="make it by `engineshed pack --out"):
        read_packed(tmp_path)


def test_doctor_looks_at_every_wheel(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "location.yaml"
    path.write_text("team: web\ncode_location: here\nhome: home\nenvironments: {kubernetes: packed}\n")
    (tmp_path / "home").mkdir()

    def found() -> tuple[bool, str]:
        [check] = [c for c in probe_places(read_premises(str(path), {})) if c.subject == "environment of kubernetes"]
        return check.ok, check.fact

    assert found() == (True, "2 wheels for Python 3.11 on x86_64, as they were packed")
    (site.folder / "pure-1.0-py3-none-any.whl").write_bytes(b"other")
    assert found()[0] is False
    assert "wheel pure-1.0-py3-none-any.whl" in found()[1]


def test_the_setting_is_relative_to_its_file_and_names_installed_engines(tmp_path: Path) -> None:
    path = tmp_path / "location.yaml"
    path.write_text("team: web\ncode_location: web_graph\nenvironments: {kubernetes: packed/k8s}\n")
    premises = read_premises(str(path), {})
    assert premises.location.environments == {"kubernetes": str(tmp_path / "packed" / "k8s")}
    path.write_text(path.read_text().replace("kubernetes:", "cubernetes:"))
    with pytest.raises(SettingInvalid, match="environments: no such engine"):
        read_premises(str(path), {})

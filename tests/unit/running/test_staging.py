"""Staged code is content-addressed: two versions never meet, the same one is stored once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob
from engineshed.running.staging import Staging, content_digest
from engineshed.storage.objects import open_store


def _job(folder: Path, body: str) -> SparkJob:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "edges.py").write_text(body)
    library = folder / "webgraph"
    (library / "__pycache__").mkdir(parents=True, exist_ok=True)
    (library / "urls.py").write_text("X = 1\n")
    (library / "__pycache__" / "urls.pyc").write_bytes(b"stale")
    return SparkJob(name="edges", script=str(folder / "edges.py"), modules=(str(library),))


def _staging(tmp_path: Path) -> Staging:
    driver = tmp_path / "engineshed_driver.py"
    driver.write_text("# driver\n")
    return Staging(open_store(str(tmp_path / "store"), {}), driver)


def test_the_folder_holds_script_and_modules_side_by_side(tmp_path: Path) -> None:
    staged = _staging(tmp_path).stage(_job(tmp_path / "src", "print(1)\n"))
    root = Path(staged.root)
    assert (root / "edges.py").read_text() == "print(1)\n"
    assert (root / "webgraph" / "urls.py").read_text() == "X = 1\n"
    assert not (root / "webgraph" / "__pycache__").exists()
    assert root.name == staged.digest
    assert Path(staged.driver.uri).read_text() == "# driver\n"


def test_twenty_runs_of_two_versions_never_meet(tmp_path: Path) -> None:
    staging = _staging(tmp_path)
    jobs = [_job(tmp_path / f"v{n}", f"print({n})\n") for n in (1, 2)]
    with ThreadPoolExecutor(20) as pool:
        staged = list(pool.map(lambda n: staging.stage(jobs[n % 2]), range(20)))
    assert len({s.digest for s in staged}) == 2
    for n, s in enumerate(staged):
        assert Path(s.script.uri).read_text() == f"print({n % 2 + 1})\n"


def test_the_digest_is_of_the_content_not_of_the_place(tmp_path: Path) -> None:
    here, there = _job(tmp_path / "a", "x\n"), _job(tmp_path / "b", "x\n")
    assert content_digest(here) == content_digest(there)
    (tmp_path / "b" / "webgraph" / "urls.py").write_text("X = 2\n")
    assert content_digest(here) != content_digest(there)


def test_a_missing_script_or_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(JobInvalid, match=r"script .*nowhere.py is not a file"):
        content_digest(SparkJob(name="x", script=str(tmp_path / "nowhere.py")))
    (tmp_path / "x.py").touch()
    with pytest.raises(JobInvalid, match=r"module .*lib is neither"):
        content_digest(SparkJob(name="x", script=str(tmp_path / "x.py"), modules=(str(tmp_path / "lib"),)))

"""Publishing by several processes, some of which are killed, on a folder and on S3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dataset_behaviour import ASSET, MODE, PARTITION, FixedClock, links, pages
from s3_server import S3Server

from engineshed.model.commit import Commit
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import open_store

WORKER = Path(__file__).with_name("dataset_worker.py")


@pytest.fixture(params=["folder", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "root") if request.param == "folder" else str(request.getfixturevalue("s3_root"))


@pytest.fixture
def datasets(root: str, s3_server: S3Server) -> Datasets:
    return Datasets(open_store(root, {"endpoint_url": s3_server.url}), FixedClock())


def start(root: str, server: S3Server, ordinal: int, point: str) -> subprocess.Popen[str]:
    """A publisher that has reached the point and waits there."""
    process = subprocess.Popen(
        [sys.executable, str(WORKER), root, server.url, str(ordinal), point],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate("go\n", timeout=60)
    assert process.returncode == 0
    return out.strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def current(datasets: Datasets) -> Commit:
    commit = datasets.latest(ASSET, PARTITION, MODE)
    assert commit is not None
    assert datasets.read(commit, "pages").equals(pages(commit.ordinal))
    assert datasets.read(commit, "links").equals(links(commit.ordinal))
    return commit


@pytest.mark.parametrize("point", ["before", "commit"])
def test_killed_before_its_commit_a_publisher_changes_nothing(
    datasets: Datasets, root: str, s3_server: S3Server, point: str
) -> None:
    finish(start(root, s3_server, 1, "before"))
    kill(start(root, s3_server, 2, point))
    assert current(datasets).ordinal == 1
    assert finish(start(root, s3_server, 2, "commit")) == "2"
    assert current(datasets).ordinal == 2


def test_killed_inside_its_commit_a_publisher_changes_nothing(tmp_path: Path, s3_server: S3Server) -> None:
    root = str(tmp_path / "root")
    datasets = Datasets(open_store(root, {}), FixedClock())
    finish(start(root, s3_server, 1, "before"))
    kill(start(root, s3_server, 2, "link"))
    assert current(datasets).ordinal == 1
    assert len(datasets.history(ASSET, PARTITION, MODE)) == 1
    assert finish(start(root, s3_server, 3, "before")) == "3"
    assert current(datasets).ordinal == 3


def test_zombie_that_wakes_after_its_successor_is_no_current_version(
    datasets: Datasets, root: str, s3_server: S3Server
) -> None:
    early, late = start(root, s3_server, 1, "before"), start(root, s3_server, 2, "commit")
    assert finish(start(root, s3_server, 3, "before")) == "3"
    assert finish(early) == "PublishRefused"
    finish(late)
    assert current(datasets).ordinal == 3


def test_of_many_publishers_at_once_the_highest_is_current(datasets: Datasets, root: str, s3_server: S3Server) -> None:
    processes = [start(root, s3_server, ordinal, "before") for ordinal in (3, 1, 4, 2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert said[2] == "4"
    assert current(datasets).ordinal == 4
    published = {str(commit.ordinal) for commit in datasets.history(ASSET, PARTITION, MODE)}
    assert published == {each for each in said if each != "PublishRefused"}

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engineshed.processes.leftovers import carrying, end_all

from .project import Project, Workers, configure, lay_out


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    workers.stop()


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("code_location"))


@pytest.fixture
def project(tmp_path: Path, workers: Workers, laid_out: Path) -> Iterator[Project]:
    shutil.copytree(laid_out, tmp_path, dirs_exist_ok=True)
    configure(tmp_path)
    project = Project(tmp_path, workers)
    yield project
    project.close()
    tokens = [path.name for path in tmp_path.glob("home/runs/*/*")]
    left = {token: carrying(token) for token in tokens if carrying(token)}
    for token in left:
        end_all(token)
    assert left == {}, "drivers are left running"

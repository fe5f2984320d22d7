"""`make images` builds what changed and nothing else, by whichever builder there is."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT

FILES = {
    "pyproject.toml": 'version = "1.2.3"\n',
    "README.md": "",
    "src/engineshed/__init__.py": "",
    "spark/driver/engineshed_driver.py": "",
    "spark/who_knows/job.py": "",
    "code_locations/who_knows/pyproject.toml": "",
    "images/build.lock": "",
    "images/dagster/Dockerfile": "",
    "images/spark/Dockerfile": "",
    "images/code-location/Dockerfile": "",
    "images/code-location/who_knows.lock": "a==1\n",
    ".gitignore": ".engineshed/\n*.log\n",
}
Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "make").mkdir()
    shutil.copy(ROOT / "make/images.sh", folder / "make/images.sh")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def make(repository: Path, tmp_path: Path) -> Make:
    """Calls make/images.sh with a builder that writes down how it was called, and with no docker."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "docker").write_text("#!/bin/sh\nexit 1\n")
    builder = tmp_path / "builder"
    builder.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/called\n')
    for program in (bin_folder / "docker", builder):
        program.chmod(0o755)

    def call(*names: str, **env: str) -> subprocess.CompletedProcess[str]:
        settings = {"ENGINESHED_IMAGE_BUILDER": f"{builder} build", **env}
        return subprocess.run(
            ["make/images.sh", *names],
            cwd=repository,
            env={**os.environ, "KUBECONFIG": "/dev/null", **settings, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def called(tmp_path: Path) -> list[list[str]]:
    """The calls of the builder since the last look."""
    file = tmp_path / "called"
    calls = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    file.unlink(missing_ok=True)
    return calls


def test_it_builds_all_and_says_what_they_are_made_of(make: Make, tmp_path: Path):
    assert make().returncode == 0
    calls = called(tmp_path)
    tags = [words[1] for words in calls]
    assert tags == ["engineshed/spark:dev", "engineshed/dagster:dev", "engineshed/who-knows:dev"]
    assert all(words[0] == "build" and words[2] == "-f" and words[-1] == "." for words in calls)
    location = calls[2]
    assert "VERSION=1.2.3" in location
    assert "LOCATION=who_knows" in location
    assert f"LOCK_HASH=sha256:{hashlib.sha256(b'a==1' + bytes([10])).hexdigest()}" in location
    assert any(word.startswith("REVISION=") and len(word) == len("REVISION=") + 40 for word in location)


@pytest.mark.parametrize(
    ("changed", "built"),
    [
        ("nothing", []),
        ("some.log", []),
        ("src/engineshed/__init__.py", ["dagster", "who-knows"]),
        ("src/engineshed/new.py", ["dagster", "who-knows"]),
        ("spark/driver/engineshed_driver.py", ["spark", "dagster", "who-knows"]),
        ("spark/who_knows/job.py", ["who-knows"]),
        ("code_locations/who_knows/pyproject.toml", ["who-knows"]),
        ("images/spark/Dockerfile", ["spark"]),
    ],
)
def test_it_builds_what_changed(make: Make, tmp_path: Path, repository: Path, changed: str, built: list[str]):
    make()
    called(tmp_path)
    if changed != "nothing":
        (repository / changed).write_text("changed\n")
    assert make().returncode == 0
    assert [words[1] for words in called(tmp_path)] == [f"engineshed/{name}:dev" for name in built]


def test_one_by_name(make: Make, tmp_path: Path):
    assert make("who-knows", ENGINESHED_IMAGE_TAG="1.0").returncode == 0
    assert [words[1] for words in called(tmp_path)] == ["engineshed/who-knows:1.0"]


def test_a_name_that_is_none_gets_the_list(make: Make):
    ended = make("sparkle")
    assert ended.returncode == 2
    assert "dagster spark who-knows" in ended.stderr


def test_a_failed_build_is_tried_again(make: Make, tmp_path: Path):
    assert make("spark", ENGINESHED_IMAGE_BUILDER="false").returncode != 0
    assert make("spark").returncode == 0
    assert len(called(tmp_path)) == 1


def test_without_a_builder_it_says_what_is_missing(make: Make):
    ended = make(ENGINESHED_IMAGE_BUILDER="")
    assert ended.returncode != 0
    assert "ENGINESHED_IMAGE_BUILDER" in ended.stderr

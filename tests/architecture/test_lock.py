"""requirements.lock: what it may say, that it serves every project here, and that this environment is it."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Versions that were tried together. Integrations pin the core by ==, so the slowest of them decides Dagster's version;
# SQLAlchemy 2.1 breaks dagster-postgres, pysail refuses the next pyspark, pandas 3 makes pyspark 4.2 warn.
TRIED_TOGETHER = {
    "dagster": "==1.13.27",
    "dagster-pipes": "==1.13.27",
    "dagster-webserver": "==1.13.27",
    "dagster-dg-cli": "==1.13.27",
    "dagster-k8s": "==0.29.27",
    "dagster-postgres": "==0.29.27",
    "sqlalchemy": ">=2.0.58,<2.1",
    "pyspark": "==4.2.0",
    "pysail": "==0.7.2",
    "pandas": ">=2.2,<3",
    "kubernetes": ">=36,<37",
    "databricks-sdk": ">=0.156",
    "boto3": ">=1.44,<2",
    "fastwarc": ">=2.0.1,<3",
}


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def locked(text: str) -> dict[str, str]:
    """Canonical name -> version, of what this interpreter on this machine is given."""
    lines = re.findall(r"^([a-z0-9][^\\\n]*)", text, flags=re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    here = [each for each in requirements if each.marker is None or each.marker.evaluate()]
    versions = {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in here}
    assert len(versions) == len(here) > 100
    return versions


def _projects(root: Path) -> list[Path]:
    return [
        root / "pyproject.toml",
        *root.glob("spark/*/pyproject.toml"),
        *root.glob("code_locations/*/pyproject.toml"),
    ]


def _wanted(project: Path) -> list[Requirement]:
    document = tomllib.loads(project.read_text())
    extras = document["project"].get("optional-dependencies", {}).values()
    groups = document.get("dependency-groups", {}).values()
    lists = [document["project"].get("dependencies", []), document["build-system"]["requires"], *extras, *groups]
    return [Requirement(text) for texts in lists for text in texts]


def test_the_lock_names_no_place(text: str):
    assert "://" not in text
    assert "--index-url" not in text
    assert " @ " not in text


def test_every_locked_file_is_hashed(text: str):
    entries = re.split(r"\n(?=[a-z0-9])", text)
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("name", "versions"), TRIED_TOGETHER.items())
def test_the_resolved_set(locked: dict[str, str], name: str, versions: str):
    assert Requirement(f"{name}{versions}").specifier.contains(locked[name]), locked[name]


def test_the_lock_serves_every_project(locked: dict[str, str], root: Path):
    projects = _projects(root)
    own = {canonicalize_name(tomllib.loads(project.read_text())["project"]["name"]) for project in projects}
    unmet = [
        f"{project.parent.name}: {wanted} but locked is {locked.get(canonicalize_name(wanted.name))}"
        for project in projects
        for wanted in _wanted(project)
        if canonicalize_name(wanted.name) not in own
        and not wanted.specifier.contains(locked.get(canonicalize_name(wanted.name), "0"))
    ]
    assert unmet == [], "make lock"


def test_this_environment_is_the_lock(locked: dict[str, str]):
    installed = {canonicalize_name(each.name): each.version for each in importlib.metadata.distributions()}
    differing = {
        name: (version, installed.get(name)) for name, version in locked.items() if installed.get(name) != version
    }
    assert differing == {}, "make setup"

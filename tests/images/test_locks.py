"""Each image's lock is a part of the repository's lock: what was tested is what runs."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import LOCKS, ROOT, names, read_lock

ALL_LOCKS = [
    ROOT / "images/build.lock",
    *LOCKS.values(),
    *sorted((ROOT / "images/code-location/extras").glob("*.lock")),
]
SPARK = {"pyspark", "pysail", "py4j"}


@pytest.mark.parametrize("file", ALL_LOCKS, ids=lambda file: str(file.relative_to(ROOT)))
def test_it_is_a_part_of_the_lock_of_the_repository(file: Path):
    whole = read_lock(ROOT / "requirements.lock")
    # Environment markers may be wider in the part than in the whole; version and hashes may not differ.
    pinned = {entry.split(" ;")[0]: set(re.findall(r"sha256:\w+", text)) for entry, text in whole.items()}
    part = {entry.split(" ;")[0]: set(re.findall(r"sha256:\w+", text)) for entry, text in read_lock(file).items()}
    assert part
    assert {entry for entry, hashes in part.items() if pinned.get(entry) != hashes} == set(), "make lock"


@pytest.mark.parametrize("file", ALL_LOCKS, ids=lambda file: str(file.relative_to(ROOT)))
def test_it_names_no_place(file: Path):
    text = file.read_text()
    assert "://" not in text
    assert "index-url" not in text
    assert all("--hash=sha256:" in entry for entry in read_lock(file).values())


@pytest.mark.parametrize("image", [name for name in LOCKS if name != "spark"])
def test_no_spark_beside_dagster(image: str):
    """478 MB that only drivers and executors need."""
    assert names(read_lock(LOCKS[image])) & SPARK == set()


def test_the_spark_image_has_no_dagster():
    found = names(read_lock(LOCKS["spark"]))
    assert {each for each in found if each.startswith("dagster")} == {"dagster-pipes"}
    assert {"pyspark", "pandas", "pyarrow", "boto3"} <= found


def test_the_spark_image_has_what_the_payloads_import():
    project = tomllib.loads((ROOT / "code_locations/web_graph/pyproject.toml").read_text())["project"]
    wanted = {canonicalize_name(Requirement(each).name) for each in project["optional-dependencies"]["payload"]}
    assert wanted
    assert wanted <= names(read_lock(LOCKS["spark"]))


@pytest.mark.parametrize("image", [name for name in LOCKS if name not in {"spark", "dagster"}])
def test_a_location_brings_its_own_dependencies(image: str):
    project = ROOT / "code_locations" / image.replace("-", "_") / "pyproject.toml"
    own = {"engineshed", "engineshed-driver"}
    document = tomllib.loads(project.read_text())["project"]
    wanted = {canonicalize_name(Requirement(each).name) for each in document["dependencies"]} - own
    assert wanted | {"kubernetes", "boto3", "dagster-postgres", "dagster-aws"} <= names(read_lock(LOCKS[image]))


def test_every_location_has_a_lock():
    locations = {project.parent.name for project in (ROOT / "code_locations").glob("*/pyproject.toml")}
    assert {file.stem for file in (ROOT / "images/code-location").glob("*.lock")} == locations


def test_the_jars_are_named_by_content_and_not_by_place():
    jars = runpy.run_path(str(ROOT / "images/spark/jars.py"))["read_lock"]()
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in jars.values())
    assert all(len(coordinates.split(":")) == 3 for coordinates in jars)
    assert not [each for each in jars if "software.amazon.awssdk:bundle:" in each]


def test_hadoop_aws_is_of_the_hadoop_that_spark_brings_along():
    import pyspark

    client = next(Path(pyspark.__file__).with_name("jars").glob("hadoop-client-api-*.jar")).stem
    jars = runpy.run_path(str(ROOT / "images/spark/jars.py"))["read_lock"]()
    assert f"org.apache.hadoop:hadoop-aws:{client.removeprefix('hadoop-client-api-')}" in jars

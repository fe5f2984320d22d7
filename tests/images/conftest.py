"""The images as files: their Dockerfiles read into instructions, their locks into names and versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ("dagster", "code-location", "spark")
# Which lock each image installs from. One code-location image per location.
LOCKS = {
    "dagster": ROOT / "images/dagster/requirements.lock",
    "spark": ROOT / "images/spark/requirements.lock",
    **{file.stem.replace("_", "-"): file for file in sorted((ROOT / "images/code-location").glob("*.lock"))},
}


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a Dockerfile, each with its arguments on one line."""

    instructions: tuple[tuple[str, str], ...]

    @property
    def stages(self) -> list[list[tuple[str, str]]]:
        """Instructions by stage; what stands before the first FROM is left out."""
        stages: list[list[tuple[str, str]]] = []
        for instruction, arguments in self.instructions:
            if instruction == "FROM":
                stages.append([])
            if stages:
                stages[-1].append((instruction, arguments))
        return stages

    def last(self, instruction: str) -> str:
        """The arguments of the last such instruction of the image itself. Fails when it has none."""
        found = [arguments for name, arguments in self.stages[-1] if name == instruction]
        assert found, f"no {instruction}"
        return found[-1]


def read_dockerfile(image: str) -> Dockerfile:
    text = (ROOT / "images" / image / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return Dockerfile(tuple((name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines())))


@pytest.fixture(params=IMAGES)
def dockerfile(request: pytest.FixtureRequest) -> Dockerfile:
    return read_dockerfile(request.param)


def read_lock(file: Path) -> Mapping[str, str]:
    """`name==version ; marker` -> the whole entry, hashes included."""
    entries = re.split(r"\n(?=[a-z0-9])", file.read_text().strip())
    return {entry.split(" \\")[0]: entry.strip() for entry in entries}


def names(lock: Mapping[str, str]) -> set[str]:
    return {entry.partition("==")[0] for entry in lock}

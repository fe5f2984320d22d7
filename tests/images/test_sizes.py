"""What each image adds to its base, in MB as stored. A number that grows is a decision, not an accident.

Every node pulls these before it runs anything, and on a new node the pull is most of the time to the first Spark stage.
What is inside, by weight, is in docs/images.md.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

BASE = "python:3.11-slim-bookworm"
BUDGETS_MB = {
    # pyarrow 160, the Kubernetes client 42, the web pages 42, botocore 31, SQLAlchemy 24, Dagster 23; no Spark.
    "dagster": 500,
    # The same without the web pages.
    "company-registry": 420,
    # That with numpy, matplotlib, networkx and fontTools for the pictures (150), and the samples (6).
    "web-graph": 600,
    # Java 184, jars of Spark 326, pyarrow 160, numpy 73, pandas 50, botocore 31, s3a 13. The SDK bundle would add 600.
    "spark": 1060,
}
_UNITS = {"B": 1e-6, "kB": 1e-3, "KB": 1e-3, "MB": 1.0, "GB": 1e3}


def _sizes_mb() -> dict[str, float]:
    """Repository and tag -> MB, as whichever of docker and buildah is here says it."""
    for command in (
        ["docker", "images", "--format", '{"names": ["{{.Repository}}:{{.Tag}}"], "size": "{{.Size}}"}'],
        ["buildah", "images", "--json"],
    ):
        if not shutil.which(command[0]):
            continue
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if ended.returncode == 0 and ended.stdout.strip():
            text = ended.stdout.strip()
            images = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
            return {_short(name): _mb(image["size"]) for image in images for name in image["names"] or ()}
    return {}


def _short(name: str) -> str:
    return re.sub(r"^(localhost|docker\.io/library|docker\.io)/", "", name)


def _mb(size: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+) ?(\w+)", size).groups()
    return float(number) * _UNITS[unit]


@pytest.mark.parametrize("image", BUDGETS_MB)
def test_an_image_keeps_to_its_budget(image: str):
    sizes = _sizes_mb()
    name = f"engineshed/{image}:dev"
    if name not in sizes or BASE not in sizes:
        pytest.skip(f"{name} and {BASE} are not both built here: make images")
    added = sizes[name] - sizes[BASE]
    assert BUDGETS_MB[image] * 0.75 < added <= BUDGETS_MB[image], f"{name} adds {added:.0f} MB to {BASE}"

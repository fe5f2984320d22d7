"""What only a cluster can answer, asked by the programs that a person uses. Nothing is installed, nothing kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHARTS = Path(__file__).parents[3] / "charts"


@pytest.fixture(scope="session")
def kubectl() -> Callable[..., str]:
    """kubectl(arguments, given=text for its input) -> what it printed; warnings and refusals fail the test."""
    return lambda *words, given="": _run("kubectl", *words, given=given)


@pytest.fixture
def namespace(kubectl: Callable[..., str]) -> Iterator[str]:
    """A namespace of the test's own that enforces, and warns of, "restricted"."""
    name = f"try-charts-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl(
        "label", "namespace", name, *(f"pod-security.kubernetes.io/{how}=restricted" for how in ("enforce", "warn"))
    )
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def would_install() -> Callable[..., list[dict[str, Any]]]:
    """would_install(chart, values file, namespace) -> the objects that `helm install` would make on this cluster."""

    def asked(chart: str, file: str, namespace: str) -> list[dict[str, Any]]:
        folder = CHARTS / chart
        told = _run(
            *("helm", "install", "engineshed", str(folder), "--values", str(folder / file)),
            *("--namespace", namespace, "--dry-run=server", "--output", "json"),
        )
        return [made for made in yaml.safe_load_all(json.loads(told)["manifest"]) if made]

    return asked


def _run(program: str, *words: str, given: str = "") -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"no {program} on PATH")
    done = subprocess.run([path, *words], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout

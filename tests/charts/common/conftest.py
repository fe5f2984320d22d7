"""The programs, for what only a cluster can answer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

CHARTS = Path(__file__).parents[3] / "charts"
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def kubectl() -> Callable[..., Done]:
    """kubectl(arguments)."""
    return lambda *words: _run("kubectl", *words)


@pytest.fixture(scope="session")
def helm() -> Callable[..., Done]:
    """helm(command, release, chart, flags, files=(values files of the chart))."""

    def called(command: str, release: str, chart: str, *flags: str, files: Sequence[str] = ()) -> Done:
        values = [word for file in files for word in ("--values", str(CHARTS / chart / file))]
        return _run("helm", command, release, str(CHARTS / chart), *values, *flags)

    return called


def _run(program: str, *words: str) -> Done:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"no {program} on PATH")
    return subprocess.run([path, *words], capture_output=True, text=True, check=False)

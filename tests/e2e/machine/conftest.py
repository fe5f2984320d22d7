"""One scratch home, one demo and one webserver for the whole suite; at the end nothing of them may still run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..pages import wait_for
from .webserver import Webserver

REPOSITORY = Path(__file__).resolve().parents[3]
DEMO_LIMIT_S = 600
TIMES = pytest.StashKey[dict[str, str]]()


@dataclass(frozen=True, slots=True)
class Demo:
    """What `make demo` did."""

    seconds: float
    said: str
    code: int


def environment(home: Path) -> dict[str, str]:
    """The caller's, with all state in a folder of the test's own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENGINESHED_", "DAGSTER_", "MAKE", "PYTEST_"))}
    return {**kept, "ENGINESHED_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}


def run_demo(home: Path, *before: str, **env: str) -> Demo:
    """`make demo` in that home. before: the command it is run under. env: variables beside the home's."""
    started_s = time.monotonic()
    done = subprocess.run(
        [*before, "make", "demo"],
        cwd=REPOSITORY,
        env={**environment(home), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEMO_LIMIT_S,
        check=False,
    )
    return Demo(time.monotonic() - started_s, done.stdout, done.returncode)


def living_off(home: Path) -> list[str]:
    """Command lines of all processes that name the folder in their arguments or their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            command, env = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in command + env:
            words = command.decode(errors="replace").split("\0")
            found.append(f"{process.name}: {' '.join(words)[:200]}")
    return found


@pytest.fixture(scope="session")
def times(pytestconfig: pytest.Config) -> dict[str, str]:
    """What was measured, for the closing lines."""
    return pytestconfig.stash.setdefault(TIMES, {})


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scratch home. Whatever still lives off it at the end is a fault."""
    home = tmp_path_factory.mktemp("engineshed")
    yield home
    until = time.monotonic() + 20
    while (left := living_off(home)) and time.monotonic() < until:
        time.sleep(0.5)
    assert left == [], "processes are left running"


@pytest.fixture(scope="session")
def demo(home: Path, times: dict[str, str]) -> Demo:
    """The demo in the scratch home, run once."""
    demo = run_demo(home)
    assert demo.code == 0, demo.said
    times["make demo, cold"] = f"{demo.seconds:.1f} s (bar 60 s on two cores)"
    return demo


@pytest.fixture(scope="session")
def web(home: Path, demo: Demo) -> Iterator[Webserver]:
    """The web pages over the demo's results."""
    server = Webserver(REPOSITORY, environment(home), home / "ui.log")
    try:
        wait_for(server.ready, "both code locations in the web pages")
        yield server
    finally:
        server.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Times are told, never judged: a shared machine's clock proves nothing."""
    measured = config.stash.get(TIMES, {})
    if measured:
        terminalreporter.section("measured")
        for what, how_long in measured.items():
            terminalreporter.line(f"{what}: {how_long}")

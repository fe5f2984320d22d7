import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.status import Status
from engineshed.ports.engine import Check, Surroundings
from engineshed.processes.engine import ProcessEngine
from engineshed.processes.folder import RunFolder
from engineshed.processes.leftovers import carrying
from engineshed.processes.settings import ProcessSettings
from engineshed.running.system_clock import SystemClock


class Bare:
    """A flavour that needs nothing: what is left is the platform itself."""

    name = "bare"
    extra = "bare"
    requirements: tuple[str, ...] = ()
    cold_start_s = 0.1

    def memory_gib(self, job: SparkJob) -> float:
        return job.resources.memory_gib

    def shape(self) -> Mapping[str, Any] | Rejection:
        return {}

    def session(self, work: Work, scratch: str) -> Mapping[str, Any]:
        return {"kind": "ambient"}

    def env(self, work: Work) -> Mapping[str, str]:
        return {}

    def checks(self) -> Sequence[Check]:
        return ()


class Platform:
    """The platform of processes, and short ways to say what a test wants of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.engine = ProcessEngine(
            Bare(), ProcessSettings(), Surroundings(home=str(home), python=sys.executable, clock=SystemClock())
        )

    def request(self, source: str, **limits: Any) -> Request:
        """Python source as a request of a new token."""
        token = Token(f"es-{uuid4().hex[:24]}")
        body = {
            "argv": [sys.executable, "-c", source],
            "env": {"PYTHONUNBUFFERED": "1"},
            "cwd": str(self.folder(token).work),
            "unset": [],
            "timeout_s": None,
            "grace_s": 5.0,
            "log_limit_bytes": 1_000_000,
        }
        return Request("bare", token, {**body, **limits})

    def run(self, source: str, **limits: Any) -> Launch:
        """Submitted."""
        return self.engine.submit(self.request(source, **limits))

    def folder(self, token: Token) -> RunFolder:
        return RunFolder(self.home / "runs" / "bare" / token)

    def out(self, launch: Launch) -> str:
        """The driver's output once it has said a whole line."""
        path = self.folder(launch.token).stdout
        wait_until(lambda: path.exists() and path.read_text(encoding="utf-8").endswith("\n"))
        return path.read_text(encoding="utf-8")

    def final(self, launch: Launch) -> Status:
        wait_until(lambda: self.engine.status(launch).state.final)
        return self.engine.status(launch)

    def supervisor_pid(self, launch: Launch) -> int:
        start = self.folder(launch.token).start()
        assert start is not None
        return start.supervisor_pid


def wait_until(holds: Callable[[], bool], patience_s: float = 30.0) -> None:
    until = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < until, f"not within {patience_s:g} s"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path / "home")
    yield platform
    tokens = [path.name for path in tmp_path.glob("home/runs/*/*")]
    assert {token: carrying(token) for token in tokens if carrying(token)} == {}

"""`make ui` as a process of the test's own, and the processes of its runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.error
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..pages import Pages


class Webserver(Pages):
    """`make ui` on free ports, in a group of its own. `metrics`: where its exporter is asked."""

    def __init__(self, repository: Path, env: Mapping[str, str], log: Path) -> None:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            port, metrics = int(one.getsockname()[1]), int(other.getsockname()[1])
        super().__init__(f"http://127.0.0.1:{port}")
        self.metrics = f"http://127.0.0.1:{metrics}/metrics"
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["make", "ui", f"PORT={port}", f"METRICS={metrics}"],
                cwd=repository,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """As Ctrl-C in its terminal does; what is left after half a minute is killed."""
        os.killpg(self._process.pid, signal.SIGINT)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise

    def ready(self) -> bool:
        """Whether every code location has been loaded."""
        assert self._process.poll() is None, f"make ui ended: {self.log.read_text()}"
        try:
            entries = self.locations()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return bool(entries) and all(status == "LOADED" for status in entries.values())

    def workers(self, run_id: str) -> Sequence[int]:
        """Process ids of the run's worker and of everything that it has started and not let go."""
        pids = [
            int(entry["text"])
            for event in self.events(run_id)
            if event["__typename"] == "EngineEvent" and "Started process for run" in event["message"]
            for entry in event["metadataEntries"]
            if entry["label"] == "pid"
        ]
        return [pid for found in pids for pid in (found, *_descendants(found))]


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return [found for child in children for found in (child, *_descendants(child))]

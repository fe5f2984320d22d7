"""YARN's applications as folders of a cluster's disk: an id, a state, and who runs them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FINAL = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True, slots=True)
class Application:
    """One application. `id` as YARN gives it: `application_<start of the cluster>_<number>`."""

    id: str
    folder: Path

    def container(self, attempt: int) -> str:
        """The id of the container in which the driver runs."""
        start, number = self.id.split("_")[1:]
        return f"container_{start}_{number}_{attempt:02d}_000001"


def create(yarn: Path, start: str) -> Application:
    """A new one, ACCEPTED. yarn: the folder of all. start: of the cluster, in milliseconds, part of every id."""
    number = 1
    while True:
        folder = yarn / f"application_{start}_{number:04d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
            continue
        found = Application(folder.name, folder)
        say(found, "ACCEPTED")
        return found


def every(yarn: Path) -> Iterator[Application]:
    """In the order of their start."""
    for folder in sorted(yarn.iterdir()):
        yield Application(folder.name, folder)


def state(application: Application) -> str:
    """ACCEPTED, RUNNING, FINISHED, FAILED, KILLED."""
    return str(_known(application)["state"])


def say(application: Application, state: str, driver_pid: int = 0) -> None:
    """Replaces what was known; a final state stays."""
    if (application.folder / "state.json").exists() and _known(application)["state"] in FINAL:
        return
    new = application.folder / f"state.json.{os.getpid()}"
    new.write_text(json.dumps({"state": state, "driver_pid": driver_pid}))
    new.replace(application.folder / "state.json")


def kill(application: Application) -> None:
    """End it; nothing happens to one that is over."""
    pid = _known(application)["driver_pid"]
    say(application, "KILLED")
    if pid:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _known(application: Application) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((application.folder / "state.json").read_text())
    return found

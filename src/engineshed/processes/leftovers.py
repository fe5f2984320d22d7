"""Finding and ending what a run has left behind, by a mark in the environment of each of its processes.

A process group misses children that moved to a session of their own, and process ids are reused; a mark that every
descendant inherits is neither missed nor mistaken. Only Linux shows the environment of processes (`/proc`, proc(5));
elsewhere nothing is found here and the process group has to do.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

MARK = "ENGINESHED_RUN"
"""Name of the variable that holds the run's token in the driver and all its descendants."""

_SETTLE_S = 2.0


def carrying(token: str) -> tuple[int, ...]:
    """Ids of all live processes of this user that carry the token, our own left out."""
    mark = f"{MARK}={token}".encode()
    return tuple(pid for pid in _processes() if pid != os.getpid() and mark in _environment(pid))


def end_all(token: str) -> None:
    """SIGKILL every process that carries the token, until none is left or two seconds have passed."""
    until = time.monotonic() + _SETTLE_S
    while (pids := carrying(token)) and time.monotonic() < until:
        send(pids, signal.SIGKILL)
        time.sleep(0.02)


def send(pids: tuple[int, ...], number: signal.Signals) -> None:
    """Signal each; those that are gone meanwhile are no error."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _processes() -> list[int]:
    try:
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    except FileNotFoundError:
        return []


def _environment(pid: int) -> list[bytes]:
    # A process of another user, one that has just gone, and a zombie (empty) all count as none of ours.
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []

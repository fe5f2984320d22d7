"""Process trees: one process, or it and all that came of it. Linux shows parents in /proc (proc(5))."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def send(pid: int, number: signal.Signals) -> None:
    """Signal one process; one that is gone is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def kill(pid: int) -> None:
    """SIGKILL a process and its descendants, those in sessions of their own too, but none that it has let go of."""
    for member in (pid, *descendants(pid)):
        send(member, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # The name of the command is in brackets and may hold anything.
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(path.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        born = children.get(waiting.pop(), [])
        found += born
        waiting += born
    return found

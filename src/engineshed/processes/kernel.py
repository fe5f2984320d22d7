"""What Linux offers so that no process of a run outlives its supervisor; on other systems each call does nothing.

Sources: prctl(2) for PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER; the kernel's cgroup-v2 page, `memory.events`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on, descendants whose parent dies become our children, so that they can be awaited and metered."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def dying_with_parent() -> Callable[[], None]:
    """What a forked child calls before its exec, so that the kernel kills it when this very process dies."""
    if sys.platform != "linux":
        return lambda: None
    # Loaded before the fork: a child may not allocate freely.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


def oom_kills() -> int:
    """How many processes of our control group the kernel has killed for want of memory; 0 where it does not say."""
    try:
        group = Path("/proc/self/cgroup").read_text(encoding="ascii").rpartition("::")[2].strip()
        events = Path(f"/sys/fs/cgroup{group}/memory.events").read_text(encoding="ascii")
    except OSError:
        return 0
    counts = dict(line.split() for line in events.splitlines())
    return int(counts.get("oom_kill", 0))


def max_rss_bytes(ru_maxrss: int) -> int:
    """`ru_maxrss` in bytes: Linux counts KiB, macOS bytes (getrusage(2) of each)."""
    return ru_maxrss if sys.platform == "darwin" else ru_maxrss * 1024

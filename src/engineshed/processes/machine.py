"""How big this machine is for us, and what an interpreter on it has installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

GIB = 1024**3

_LIST_DISTRIBUTIONS = (
    "import json, sys; from importlib import metadata; "
    "print(json.dumps([sys.version.split()[0], {d.name: d.version for d in metadata.distributions()}]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Cores and memory that this process may use: the machine's, or its control group's where that is less."""

    cores: int
    memory_gib: float

    @classmethod
    def here(cls) -> Machine:
        """This machine, read anew."""
        affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return cls(
            cores=max(1, min(affinity, _cgroup_cores() or affinity)),
            memory_gib=round(min(memory_bytes, _cgroup_memory_bytes() or memory_bytes) / GIB, 2),
        )


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on this machine: its version and its distributions (name as on the index, lower case -> version)."""

    version: str
    distributions: Mapping[str, str]

    @classmethod
    def at(cls, python: str) -> Interpreter | None:
        """What that interpreter has; None when it cannot be run."""
        if python == sys.executable:
            version, names = sys.version.split()[0], {d.name: d.version for d in metadata.distributions()}
        else:
            try:
                # -P and a neutral folder: what lies in the current one is not installed.
                done = subprocess.run(
                    [python, "-P", "-c", _LIST_DISTRIBUTIONS], capture_output=True, check=True, timeout=60, cwd="/"
                )
            except (OSError, subprocess.SubprocessError):
                return None
            version, names = json.loads(done.stdout)
        return cls(version, {canonical(name): number for name, number in names.items()})


def canonical(name: str) -> str:
    """The one spelling of a distribution's name."""
    return name.lower().replace("_", "-").replace(".", "-")


def free_gib(folder: str) -> float:
    """Free disk under the nearest folder above that exists."""
    path = Path(folder)
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free / GIB


def _cgroup_cores() -> int | None:
    text = _read("/sys/fs/cgroup/cpu.max")
    quota, _, period = text.partition(" ")
    return max(1, int(quota) // int(period)) if quota.isdigit() else None


def _cgroup_memory_bytes() -> int | None:
    text = _read("/sys/fs/cgroup/memory.max")
    return int(text) if text.isdigit() else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""

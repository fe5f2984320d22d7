"""Processes on a cluster's machines: with a root of their own, in a session of their own, and gone when we are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from engineshed.testing.emr.executing import enter
from engineshed.testing.emr.executing.disk import Disk


class NoNamespace(RuntimeError):
    """This machine lets nobody have a mount namespace."""


def require_namespaces(scratch: Path) -> None:
    """Raises NoNamespace where no process can have a root of its own."""
    with tempfile.TemporaryDirectory(dir=scratch) as root:
        asked = json.dumps({"root": root, "cwd": "/", "own": {}, "mixed": {}})
        command = [sys.executable, "-IS", enter.__file__, asked, "/bin/true"]
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise NoNamespace(
            f"a cluster's machines cannot have folders of their own here ({done.stderr.decode().strip()}): run the "
            "tests as root, allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), or do without, with "
            "Machines(isolated=False)."
        )


def spawn(
    disk: Disk,
    argv: Sequence[str],
    cwd: str,
    variables: Mapping[str, str],
    streams: tuple[IO[bytes], IO[bytes]],
) -> subprocess.Popen[bytes]:
    """Raises FileNotFoundError, in Java's words, for a program that is not there."""
    found = shutil.which(argv[0], path=variables["PATH"])
    if found is None:
        raise FileNotFoundError(
            f'Cannot run program "{argv[0]}" (in directory "."): error=2, No such file or directory'
        )
    asked = {"cwd": cwd, "root": disk.new_root(), "own": disk.own(), "mixed": disk.mixed()}
    return subprocess.Popen(
        [sys.executable, "-IS", enter.__file__, json.dumps(asked), found, *argv[1:]],
        env=dict(variables),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=streams[0],
        stderr=streams[1],
        start_new_session=True,
    )

"""Processes on a cluster's machines: with a root of their own, in a session of their own, and gone when we are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from engineshed.testing.emr.executing.disk import Disk
from engineshed.testing.namespaces import entering


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
    return subprocess.Popen(
        [*entering(disk.new_root(), disk.own(), disk.mixed(), cwd), found, *argv[1:]],
        env=dict(variables),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=streams[0],
        stderr=streams[1],
        start_new_session=True,
    )

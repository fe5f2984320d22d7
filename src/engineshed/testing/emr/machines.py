"""What a cluster's machines have before anything runs there, as a test says it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """For mode `execute`.

    python: the interpreter behind `python3`, under all its versions' names, with pyspark. cores: the n of local[n],
    which stands for the whole cluster. jars: on Spark's class path, for example Hadoop's S3A, with which `s3://` is
    read and written. env: further variables of every process there. isolated: whether they have /mnt, /home/hadoop
    and additions to /usr/local and /opt of their own, which needs a mount namespace; without, they share this
    machine's.
    """

    python: str = sys.executable
    cores: int = 2
    jars: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    isolated: bool = True

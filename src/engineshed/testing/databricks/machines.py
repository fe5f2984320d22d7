"""What the workspace's machines have before any cluster is asked for, as a test says it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engineshed.testing.databricks.fetching import NoObjects, Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """For mode `execute`.

    python: the interpreter that drivers use, with pyspark. session: of classic compute: `spark`, there before the
    script begins; `none`, quicker, for scripts that make their own or need none. connect: of serverless compute:
    `sail` or `spark`, the Spark Connect server that the session talks to; `none`. env: variables of every machine,
    for example credentials that stand for an instance profile. secrets: by `scope/key`. objects: what an instance
    profile reaches by `s3://...`. wheelhouse: a folder of wheels that stands for the package index.
    """

    python: str = sys.executable
    session: Literal["spark", "none"] = "spark"
    connect: Literal["sail", "spark", "none"] = "sail"
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    objects: Objects = field(default_factory=NoObjects)
    wheelhouse: Path | None = None

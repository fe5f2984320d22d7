"""What to run: the declaration a team writes once, whatever the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from engineshed.model.errors import JobInvalid
from engineshed.model.resources import Resources


class Mode(StrEnum):
    """`sample` publishes to a namespace of its own and can never replace a `full` partition."""

    SAMPLE = "sample"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleInput:
    """How a sample run differs: payload settings laid over the job's own, its own data files, smaller resources."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    resources: Resources | None = None
    expected_input_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkJob:
    """What to run.

    script: path of the Python file whose `main()` is the payload.
    modules: further files or folders shipped beside the script and importable from it.
    arguments: command-line arguments of the script.
    libraries: requirement strings that the driver's environment must hold (checked or installed by the engine).
    settings: JSON values for the payload (`job.settings` in the driver).
    data: absolute paths or globs of local files that the script reads. On engines of this machine they are read in
        their place; for others they are uploaded, and `job.places` in the driver says where they are. `{dimension}`
        and `{partition}` in them stand for the values of the partitions that run.
    conf: Spark settings; engines merge them under their own needs and never drop one.
    engine_settings: per engine name, the free-form block that this engine checks itself.
    tables: names of the tables that the job must write; all are published in one commit. Empty: the script publishes
        nothing through engineshed (a script written for stock Pipes).
    timeout_s: seconds a run may take once submitted; None has no ceiling.
    expected_input_bytes: what a full run reads of one partition, for the forecast.
    expected_core_hours: what a full run of one takes by your own reckoning, for as long as none is on record.
    """

    name: str
    script: str
    modules: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    conf: Mapping[str, str] = field(default_factory=dict)
    engine_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
    expected_input_bytes: int | None = None
    expected_core_hours: float | None = None
    timeout_s: float | None = None
    sample: SampleInput | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise JobInvalid("A SparkJob has an empty name: give it one.")
        if not self.script:
            raise JobInvalid(f"job {self.name!r} has no script: name the Python file to run.")
        if len(set(self.tables)) != len(self.tables):
            raise JobInvalid(f"job {self.name!r} names a table twice: {', '.join(self.tables)}.")
        bad = [t for t in self.tables if not t.replace("_", "").isalnum() or t.startswith("_")]
        if bad:
            raise JobInvalid(
                f"job {self.name!r} has table names that are no identifiers: {', '.join(bad)}. "
                "Use letters, digits and underscores, not starting with an underscore."
            )
        for place in (*self.data, *(self.sample.data if self.sample else ())):
            if not PurePath(place).is_absolute():
                raise JobInvalid(
                    f"job {self.name!r} has the data file {place!r}: give an absolute path or glob, as the script sees "
                    "it. Addresses such as s3://bucket/key need no mention."
                )
        if self.expected_core_hours is not None and not 0 < self.expected_core_hours < math.inf:
            raise JobInvalid(
                f"job {self.name!r} has expected_core_hours={self.expected_core_hours}: give hours above 0, or none."
            )
        if self.timeout_s is not None and not 0 < self.timeout_s < math.inf:
            raise JobInvalid(f"job {self.name!r} has timeout_s={self.timeout_s}: give seconds above 0, or none.")

    def in_mode(self, mode: Mode) -> SparkJob:
        """The job as it runs in `mode`: a sample lays its input over the job; full mode is the job itself.

        Raises JobInvalid when a sample is asked of a job that declares none.
        """
        if mode is Mode.FULL:
            return self
        if self.sample is None:
            raise JobInvalid(f"job {self.name!r} has no sample input: declare `sample`, or run it in mode full.")
        sample = self.sample
        return replace(
            self,
            settings={**self.settings, **sample.settings},
            data=sample.data or self.data,
            resources=sample.resources or self.resources,
            expected_input_bytes=sample.expected_input_bytes or self.expected_input_bytes,
            expected_core_hours=None,
        )

"""Engine `sail`: Spark Connect served by Sail inside the driver's own process, without a JVM.

It exists because it starts in a fraction of a second and needs no Java, so that the first run of a newcomer works.
Refuses to make an offer beside a PySpark that it does not serve. Sail's settings are not stable between its releases:
all that we set of them is in this module, tried with pysail 0.7.2 and pyspark 4.2.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engineshed.model.job import SparkJob
from engineshed.model.plan import Rejection
from engineshed.model.request import Work
from engineshed.ports.engine import Check, Surroundings
from engineshed.processes.engine import ProcessEngine
from engineshed.processes.rendering import spark_conf
from engineshed.processes.settings import JobBlock, ProcessSettings, checked

NAME = "sail"


class SailSettings(ProcessSettings):
    """Settings of engine `sail`: those of every engine of this machine."""


class Sail:
    """The flavour of `ProcessEngine` that is Sail; the driver starts the server in its own process."""

    name = NAME
    extra = "sail"
    # pysail 0.7.2 refuses pyspark 4.3 ("unsupported PySpark version").
    requirements = ("pysail>=0.7,<0.8", "pyspark>=4.0,<4.3", "grpcio", "pandas<3", "pyarrow")
    cold_start_s = 1.0

    def memory_gib(self, job: SparkJob) -> float:
        """All that the job asks for: there is one process."""
        return job.resources.memory_gib

    def shape(self) -> Mapping[str, Any] | Rejection:
        """Nothing beyond cores and memory."""
        return {}

    def session(self, work: Work, scratch: str) -> Mapping[str, Any]:
        """A session of Spark Connect on a server of the driver's own."""
        return {"kind": "sail", "conf": spark_conf(work, {"spark.sql.session.timeZone": "UTC"})}

    def env(self, work: Work) -> Mapping[str, str]:
        """Partitions, and so tasks at a time, as the offer has cores (`execution.default_parallelism` of Sail)."""
        return {"SAIL_MODE": "local", "SAIL_EXECUTION__DEFAULT_PARALLELISM": str(work.offer.shape["cores"])}

    def checks(self) -> Sequence[Check]:
        """Nothing beyond the distributions."""
        return ()


def check_block(block: Mapping[str, Any]) -> None:
    """What a job says to this engine. Raises SettingInvalid."""
    checked(JobBlock, block, f"engine_settings.{NAME}")


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> ProcessEngine:
    """Engine `sail`. Raises SettingInvalid."""
    own = checked(SailSettings, settings, f"engines.{NAME}")
    return ProcessEngine(Sail(), own, surroundings)

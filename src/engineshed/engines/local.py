"""Engine `local`: classic PySpark in one process tree of this machine.

It exists because some payloads want the JVM's Spark itself, and as the reference that other engines are compared with.
Refuses to make an offer without a Java that this Spark supports.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import Field

from engineshed.model.job import SparkJob
from engineshed.model.plan import Rejection
from engineshed.model.request import Work
from engineshed.ports.engine import Check, Surroundings
from engineshed.processes.engine import ProcessEngine
from engineshed.processes.rendering import spark_conf
from engineshed.processes.settings import JobBlock, ProcessSettings, checked

NAME = "local"
JAVA_MAJORS = (17, 21)
"""Source: Spark 4.2's overview page, "Spark runs on Java 17/21"."""

_JAVA_REMEDY = (
    "install Java 17 or 21 (Debian, Ubuntu: apt-get install openjdk-17-jre-headless), "
    "or set engines.local.java_home to one; engine sail needs none."
)


class LocalSettings(ProcessSettings):
    """Settings of engine `local`."""

    driver_memory_gib: float | None = Field(
        default=None, ge=0.5, description="Heap of every driver; null takes all memory the job asks for."
    )
    java_home: str | None = Field(default=None, description="Java to use; null takes the one on PATH.")


@dataclass(frozen=True, slots=True)
class Java:
    """A Java as it describes itself. `major` is 17 for 17.0.15."""

    home: str
    version: str

    @property
    def major(self) -> int:
        """17 for 17.0.15, 8 for 1.8.0."""
        parts = [int(part) for part in re.findall(r"\d+", self.version)]
        return parts[1] if parts[0] == 1 and len(parts) > 1 else parts[0]


class Local:
    """The flavour of `ProcessEngine` that is classic PySpark."""

    name = NAME
    extra = "local"
    requirements = ("pyspark>=4.0,<5",)
    cold_start_s = 5.0

    def __init__(self, settings: LocalSettings, python: str) -> None:
        self._settings = settings
        self._python = python

    def memory_gib(self, job: SparkJob) -> float:
        """The driver's heap, in which all work is done."""
        return self._settings.driver_memory_gib or job.resources.memory_gib

    def shape(self) -> Mapping[str, Any] | Rejection:
        """The Java to run on."""
        java = self._java()
        if java is None or java.major not in JAVA_MAJORS:
            return Rejection(engine=NAME, code="no_java", reason=f"{_java_fact(java)}: {_JAVA_REMEDY}")
        return {"java_home": java.home}

    def session(self, work: Work, scratch: str) -> Mapping[str, Any]:
        """A session of classic Spark on the offer's cores."""
        shape = work.offer.shape
        defaults = {
            "spark.driver.memory": f"{int(float(shape['memory_gib']) * 1024)}m",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": f"{scratch}/warehouse",
            "spark.local.dir": scratch,
            # Progress is read there; a free port each, so that drivers beside one another do not clash.
            "spark.ui.enabled": "true",
            "spark.ui.port": "0",
            "spark.ui.showConsoleProgress": "false",
        }
        return {"kind": "classic", "master": f"local[{shape['cores']}]", "conf": spark_conf(work, defaults)}

    def env(self, work: Work) -> Mapping[str, str]:
        """Java, one Python for driver and workers, and nothing listening beyond this machine."""
        java_home = work.offer.shape.get("java_home") or self._settings.java_home
        return {
            **({"JAVA_HOME": str(java_home)} if java_home else {}),
            "PYSPARK_PYTHON": self._python,
            "PYSPARK_DRIVER_PYTHON": self._python,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }

    def checks(self) -> Sequence[Check]:
        """Whether there is a Java."""
        java = self._java()
        ok = java is not None and java.major in JAVA_MAJORS
        return (Check("java", ok, _java_fact(java), "" if ok else _JAVA_REMEDY),)

    def _java(self) -> Java | None:
        home = self._settings.java_home or self._settings.env.get("JAVA_HOME")
        program = f"{home}/bin/java" if home else shutil.which("java")
        return _java_at(program) if program else None


def check_block(block: Mapping[str, Any]) -> None:
    """What a job says to this engine. Raises SettingInvalid."""
    checked(JobBlock, block, f"engine_settings.{NAME}")


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> ProcessEngine:
    """Engine `local`. Raises SettingInvalid."""
    own = checked(LocalSettings, settings, f"engines.{NAME}")
    return ProcessEngine(Local(own, own.python or surroundings.python), own, surroundings)


@cache
def _java_at(program: str) -> Java | None:
    try:
        done = subprocess.run(
            [program, "-XshowSettings:properties", "-version"], capture_output=True, check=True, timeout=60, text=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    properties = dict(re.findall(r"^\s*(java\.home|java\.version) = (\S.*)$", done.stderr, re.MULTILINE))
    if len(properties) < 2:
        return None
    return Java(properties["java.home"], properties["java.version"])


def _java_fact(java: Java | None) -> str:
    return f"Java {java.version} at {java.home}" if java else "no Java was found"

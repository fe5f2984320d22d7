"""`Configurations` of a cluster, merged, and what of them reaches Spark. Pure.

Sources: "Configure applications" and "Configure Spark" in the EMR Release Guide. `spark-defaults` becomes
spark-defaults.conf; the nested `export` of `spark-env` becomes lines of spark-env.sh, values as they are: who needs
quotes writes them. All other classifications are taken and do nothing, for the programs that they configure are not
here; but `yarn-site` says how often YARN tries an application.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LOAD_SPARK_ENV = 'set -a\n. "$SPARK_CONF_DIR/spark-env.sh"\nset +a\nexport SPARK_ENV_LOADED=1\n'
"""What Spark's load-spark-env.sh does, done before our command, which has to know of the exports, too."""

_AM_ATTEMPTS = "yarn.resourcemanager.am.max-attempts"
_PROPERTY = re.compile(r"([^\s=:]+)\s*[=:]?\s*(.*)")
_SYSTEM_PYTHON = "/usr/bin/python3"
_PYTHONS = ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
_PYTHON_SETTINGS = (
    "spark.pyspark.python",
    "spark.pyspark.driver.python",
    "spark.yarn.appMasterEnv.PYSPARK_PYTHON",
    "spark.yarn.appMasterEnv.PYSPARK_DRIVER_PYTHON",
)


@dataclass(frozen=True, slots=True)
class SparkConfiguration:
    """exports: of spark-env.sh. defaults: of spark-defaults.conf. am_attempts: how often YARN tries an application."""

    exports: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    am_attempts: int = 2

    def with_python(self, python: str) -> SparkConfiguration:
        """With that interpreter wherever EMR's own is named, and as the default, as on EMR."""
        exports = {"PYSPARK_PYTHON": _SYSTEM_PYTHON, **self.exports}
        return SparkConfiguration(
            exports={n: python if n in _PYTHONS and v == _SYSTEM_PYTHON else v for n, v in exports.items()},
            defaults={
                n: python if n in _PYTHON_SETTINGS and v == _SYSTEM_PYTHON else v for n, v in self.defaults.items()
            },
            am_attempts=self.am_attempts,
        )

    def spark_env(self) -> str:
        """The text of spark-env.sh."""
        return "".join(f"export {name}={value}\n" for name, value in self.exports.items())


def of_cluster(request: Mapping[str, Any]) -> SparkConfiguration:
    """From a RunJobFlow's body: the cluster's own, then those of its master's fleet or group, which come first."""
    merged = _merged([*(request.get("Configurations") or ()), *_of_master(request["Instances"])])
    nested = merged.get("spark-env", ({}, []))[1]
    return SparkConfiguration(
        exports=_merged(nested).get("export", ({}, []))[0],
        defaults=merged.get("spark-defaults", ({}, []))[0],
        am_attempts=int(merged.get("yarn-site", ({}, []))[0].get(_AM_ATTEMPTS, 2)),
    )


def _of_master(instances: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for fleet in instances.get("InstanceFleets") or ():
        if fleet["InstanceFleetType"] == "MASTER":
            yield from (fleet.get("InstanceTypeConfigs") or [{}])[0].get("Configurations") or ()
    for group in instances.get("InstanceGroups") or ():
        if group["InstanceRole"] == "MASTER":
            yield from group.get("Configurations") or ()


def _merged(configurations: Sequence[Mapping[str, Any]]) -> dict[str, tuple[dict[str, str], list[Mapping[str, Any]]]]:
    """Properties and nested configurations by classification; of a name that is given twice the later one counts."""
    merged: dict[str, tuple[dict[str, str], list[Mapping[str, Any]]]] = {}
    for configuration in configurations:
        properties, nested = merged.setdefault(str(configuration.get("Classification")), ({}, []))
        properties.update(configuration.get("Properties") or {})
        nested.extend(configuration.get("Configurations") or ())
    return merged


def conf_text(defaults: Mapping[str, str]) -> str:
    """The text of spark-defaults.conf."""
    return "".join(f"{name}={value}\n" for name, value in defaults.items())


def conf_of(text: str) -> dict[str, str]:
    """What a properties file says, as `java.util.Properties` reads lines without escapes."""
    lines = (line.strip() for line in text.splitlines())
    found = (_PROPERTY.fullmatch(line) for line in lines if line and line[0] not in "#!")
    return {match[1]: match[2] for match in found if match}


def shim(command: Sequence[str], before: str = "") -> str:
    """A script that is another command, after some lines of its own."""
    return f'#!/bin/bash\n{before}exec {shlex.join(command)} "$@"\n'

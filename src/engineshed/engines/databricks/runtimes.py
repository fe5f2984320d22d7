"""Databricks runtimes and serverless environment versions: their Spark and Python. Data, and what must agree with it.

Refuses an environment that was packed for another Python or architecture: it would fail minutes later, on a paid
cluster, by an import.

Sources (read 2026-11): docs.databricks.com, "Databricks Runtime release notes versions and compatibility" and each
release's "System environment"; "Serverless environment versions".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engineshed.engines.databricks.names import NAME
from engineshed.model.errors import JobInvalid
from engineshed.model.staged import PackedEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What a driver finds. spark_version: as the Clusters API wants it; empty on serverless, which is Spark Connect."""

    name: str
    spark_version: str
    spark: str
    python: str
    supported_until: date

    @property
    def said(self) -> str:
        """For people."""
        kind = "runtime" if self.spark_version else "serverless environment version"
        return f"{kind} {self.name} (Spark {self.spark}, Python {self.python})"


def _by_name(*rows: tuple[str, str, str, str, date]) -> dict[str, Runtime]:
    return {
        name: Runtime(name=name, spark_version=key, spark=spark, python=python, supported_until=until)
        for name, key, spark, python, until in rows
    }


RUNTIMES = _by_name(
    ("13.3", "13.3.x-scala2.12", "3.4.1", "3.10", date(2026, 8, 22)),
    ("14.3", "14.3.x-scala2.12", "3.5.0", "3.10", date(2027, 2, 1)),
    ("15.4", "15.4.x-scala2.12", "3.5.0", "3.11", date(2027, 8, 19)),
    ("16.4", "16.4.x-scala2.12", "3.5.2", "3.12", date(2028, 5, 9)),
    ("17.3", "17.3.x-scala2.13", "4.0.0", "3.12", date(2028, 10, 22)),
    ("18", "18.x-scala2.13", "4.1.0", "3.12", date(2029, 6, 10)),
)
"""Those with long-term support. Photon is a setting of the cluster; the `-photon-` keys of old are not used."""

ENVIRONMENTS = _by_name(
    ("1", "", "3.5.0", "3.10", date(2027, 3, 12)),
    ("2", "", "3.5.0", "3.11", date(2027, 11, 21)),
    ("3", "", "3.5.2", "3.12", date(2028, 6, 13)),
    ("4", "", "4.0.0", "3.12", date(2028, 8, 13)),
    ("5", "", "4.1.0", "3.12", date(2029, 2, 25)),
)
"""Of serverless compute. `spark` is that of the runtime whose Spark Connect client the version has."""

SERVERLESS_CONF = frozenset(
    {
        "spark.sql.ansi.enabled",
        "spark.sql.legacy.timeParserPolicy",
        "spark.sql.session.timeZone",
        "spark.sql.shuffle.partitions",
    }
)
"""All that a session on serverless lets be set. Source: docs.databricks.com, "Serverless compute limitations"."""


_PACKED_AS = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Architectures of machines, as price lists call them -> as wheels do."""


def require_packed_for(environment: PackedEnvironment, runtime: Runtime, architecture: str, job: str) -> None:
    """Raises JobInvalid naming what differs and how to pack it anew. `architecture`: empty where any will do."""
    machine = _PACKED_AS.get(architecture, environment.architecture)
    wanted = {"python": runtime.python, "architecture": machine}
    found = {"python": environment.python, "architecture": environment.architecture}
    if wanted != found:
        raise JobInvalid(
            f"job {job!r}: its environment is packed for Python {found['python']} on {found['architecture']}, and "
            f"{runtime.said} has Python {wanted['python']} on {wanted['architecture']}: pack it for that, or set "
            f"another runtime in engines.{NAME}.compute."
        )

"""What the double's workspace offers: node types with their DBUs, runtimes with their Python and Spark.

DBUs an hour are those of the vendor's price pages for these types on AWS (jobs compute, without Photon); they serve
sums to compare with, not bills. Runtimes as in the vendor's release notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class NodeType:
    """An instance type. `dbu_per_hour` of one node."""

    name: str
    cores: int
    memory_gib: int
    dbu_per_hour: Decimal
    category: str = "General Purpose"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A Databricks runtime by its `spark_version` key."""

    key: str
    name: str
    spark: str
    scala: str
    python: str

    @property
    def release(self) -> str:
        """What DATABRICKS_RUNTIME_VERSION says there."""
        return ".".join(self.key.split(".")[:2])


PHOTON_FACTOR = Decimal("2.9")
"""DBUs of jobs compute with Photon on AWS, as a multiple of those without."""

NODE_TYPES = (
    NodeType("m5.large", 2, 8, Decimal("0.34")),
    NodeType("m5.xlarge", 4, 16, Decimal("0.69")),
    NodeType("m5.2xlarge", 8, 32, Decimal("1.37")),
    NodeType("m5d.large", 2, 8, Decimal("0.34")),
    NodeType("m5d.xlarge", 4, 16, Decimal("0.69")),
    NodeType("m5d.2xlarge", 8, 32, Decimal("1.37")),
    NodeType("m6id.xlarge", 4, 16, Decimal("1.00")),
    NodeType("c5d.2xlarge", 8, 16, Decimal("1.21"), "Compute Optimized"),
    NodeType("i3.xlarge", 4, 30, Decimal("1.00"), "Storage Optimized"),
    NodeType("i3.2xlarge", 8, 61, Decimal("2.00"), "Storage Optimized"),
    NodeType("i3.4xlarge", 16, 122, Decimal("4.00"), "Storage Optimized"),
    NodeType("r5d.xlarge", 4, 32, Decimal("0.90"), "Memory Optimized"),
    NodeType("r5d.2xlarge", 8, 64, Decimal("1.80"), "Memory Optimized"),
    NodeType("Standard_DS3_v2", 4, 14, Decimal("0.75")),
    NodeType("Standard_DS4_v2", 8, 28, Decimal("1.50")),
    NodeType("n2-standard-4", 4, 16, Decimal("0.88")),
)

RUNTIMES = (
    Runtime("13.3.x-scala2.12", "13.3 LTS (includes Apache Spark 3.4.1, Scala 2.12)", "3.4.1", "2.12", "3.10.12"),
    Runtime("14.3.x-scala2.12", "14.3 LTS (includes Apache Spark 3.5.0, Scala 2.12)", "3.5.0", "2.12", "3.10.12"),
    Runtime("15.4.x-scala2.12", "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)", "3.5.0", "2.12", "3.11.11"),
    Runtime("16.4.x-scala2.12", "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)", "3.5.2", "2.12", "3.12.3"),
    Runtime("16.4.x-scala2.13", "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.13)", "3.5.2", "2.13", "3.12.3"),
    Runtime("17.3.x-scala2.13", "17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)", "4.0.0", "2.13", "3.12.3"),
)

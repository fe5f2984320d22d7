"""Data checks that run over what an attempt wrote, before it is published: a failed blocking check publishes nothing.

They are shown as Dagster asset checks. Each looks at one partition's tables; a run over many partitions passes a
check only where every partition does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engineshed.assets.describing import BY_PARTITION
from engineshed.model.check import CheckOutcome
from engineshed.model.commit import CommitRef, TableContent
from engineshed.storage.datasets import Datasets

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_FACTS = 5
"""Partitions whose failure a check's text tells of; the metadata tells of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTables:
    """The tables of one partition, published or about to be, and the upstream commits they were made from."""

    partition: str | None
    contents: Mapping[str, TableContent]
    upstream: Sequence[CommitRef]
    datasets: Datasets

    def rows(self, table: str) -> int:
        """Rows of a table, from the Parquet footers."""
        return self.contents[table].rows

    def read(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A table or some of its columns."""
        return self.datasets.read_content(self.contents[table], columns)

    def read_upstream(self, asset: str, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A table of an upstream asset, as the job read it."""
        import pyarrow as pa

        commits = [self.datasets.at(ref) for ref in self.upstream if ref.asset == asset]
        return pa.concat_tables([self.datasets.read(commit, table, columns) for commit in commits])


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found in one partition. fact: the same in a few words, said where it failed."""

    passed: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    fact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """A check by name. `blocking`: its failure keeps the partition from being published."""

    name: str
    description: str
    evaluate: Callable[[PartitionTables], Finding]
    blocking: bool = True

    def over(self, candidates: Sequence[PartitionTables]) -> CheckOutcome:
        """The outcome over all partitions of a run; metadata of several is told by partition."""
        findings = {c.partition or "": self.evaluate(c) for c in candidates}
        if len(findings) == 1:
            metadata: dict[str, Any] = dict(next(iter(findings.values())).metadata)
        else:
            metadata = {BY_PARTITION: {partition: dict(f.metadata) for partition, f in findings.items()}}
        failed = {p: f.fact for p, f in sorted(findings.items()) if not f.passed}
        return CheckOutcome(
            name=self.name,
            passed=not failed,
            blocking=self.blocking,
            metadata=metadata,
            description=f"{self.description}; {_said(failed)}" if failed else self.description,
        )


def _said(failed: Mapping[str, str]) -> str:
    """The facts of the partitions that failed, the first few of many."""
    facts = [": ".join(filter(None, [partition, fact])) or "fails" for partition, fact in failed.items()]
    more = len(facts) - _MOST_FACTS
    return "; ".join(facts[:_MOST_FACTS]) + (f"; and {more} partitions more" if more > 0 else "")


def has_rows(table: str, *, at_least: int = 1, blocking: bool = True) -> DataCheck:
    """The table has at least so many rows."""

    def evaluate(candidate: PartitionTables) -> Finding:
        rows = candidate.rows(table)
        fact = f"{rows} rows, at least {at_least} are wanted"
        return Finding(rows >= at_least, {"rows": rows, "at_least": at_least}, fact)

    name = f"{table}_has_rows"
    return DataCheck(
        name=name,
        description=f"{table} has at least {at_least} row{'' if at_least == 1 else 's'}",
        evaluate=evaluate,
        blocking=blocking,
    )


def is_unique(table: str, columns: Sequence[str], *, blocking: bool = True) -> DataCheck:
    """No two rows agree in these columns."""

    def evaluate(candidate: PartitionTables) -> Finding:
        read = candidate.read(table, columns)
        groups = read.group_by(list(columns)).aggregate([([], "count_all")])
        duplicates = read.num_rows - groups.num_rows
        if not duplicates:
            return Finding(True, {"rows": read.num_rows, "duplicates": 0})
        often = groups.sort_by([("count_all", "descending")]).slice(0, 1).to_pylist()[0]
        count = often.pop("count_all")
        return Finding(
            False,
            {"rows": read.num_rows, "duplicates": duplicates, "example": str(often)},
            f"{duplicates} of {read.num_rows} rows repeat another, such as {often} ({count} times)",
        )

    name = f"{table}_unique_{'_'.join(columns)}"
    return DataCheck(
        name=name, description=f"{', '.join(columns)} unique in {table}", evaluate=evaluate, blocking=blocking
    )


def no_dangling(
    table: str, column: str, *, of_table: str, of_column: str, of_asset: str | None = None, blocking: bool = True
) -> DataCheck:
    """Every value of `table.column` is a value of `of_table.of_column`, in this partition or in an upstream asset."""

    def evaluate(candidate: PartitionTables) -> Finding:
        import pyarrow.compute as pc

        values = candidate.read(table, [column]).column(column).unique()
        if of_asset is None:
            known = candidate.read(of_table, [of_column]).column(of_column)
        else:
            known = candidate.read_upstream(of_asset, of_table, [of_column]).column(of_column)
        known_values = known.combine_chunks().cast(values.type)
        dangling = values.filter(pc.invert(pc.is_in(values, value_set=known_values)))
        examples = dangling.slice(0, 5).to_pylist()
        metadata = {"values": len(values), "dangling": len(dangling), "examples": examples}
        said = ", ".join(map(repr, examples))
        return Finding(not len(dangling), metadata, f"{len(dangling)} of {len(values)} values are not, such as {said}")

    name = f"{table}_{column}_no_dangling"
    source = f"{of_asset or 'this asset'}.{of_table}.{of_column}"
    return DataCheck(name=name, description=f"{table}.{column} is in {source}", evaluate=evaluate, blocking=blocking)

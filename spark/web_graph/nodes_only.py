"""Seed companies cleaned: tables `nodes`, one row per registrable domain, and `drops`, every row left out and why.

Launched, the seed list is a CSV that the settings name or a table published by another location; the domain
definition's `seed_selector` picks sectors and countries. By hand it is a CSV and the arguments.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from webgraph import runs, seeds
from webgraph.selection import DefinitionInvalid
from webgraph.tables import NODES, SEED_COLUMNS, SEED_DROPS, frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from engineshed_driver import Job

TABLES = ("nodes", "drops")
SEED_ASSET, SEED_TABLE = "seeds", "seeds"


def nodes(session: SparkSession, cleaned: seeds.CleanSeeds) -> DataFrame:
    """Table `nodes`."""
    return frame(session, cleaned.nodes, NODES).coalesce(1)


def drops(session: SparkSession, cleaned: seeds.CleanSeeds) -> DataFrame:
    """Table `drops`."""
    return frame(session, cleaned.drops, SEED_DROPS).coalesce(1)


def write(job: Job, cleaned: seeds.CleanSeeds, key: str | None) -> dict[str, Any]:
    """Write both tables and return the counts."""
    job.write("nodes", nodes(job.session, cleaned), key=key)
    job.write("drops", drops(job.session, cleaned), key=key)
    rows, selected = len(cleaned.nodes) + len(cleaned.drops), cleaned.selected()
    if not selected:
        job.log.warning("none of the %d rows of the seed list is selected: table nodes is empty", rows)
    return {"rows": rows, "selected": selected, "nodes": len(cleaned.nodes), "drops": cleaned.counts()}


def launched(job: Job) -> None:
    """All partitions of the run."""
    counts = {}
    for key in runs.keys_of(job):
        cleaned = seeds.clean(_seeds(job, key), key.definition.get("seed_selector"))
        counts[key.key] = write(job, cleaned, key.key)
    runs.say_counts(job, counts)


def _seeds(job: Job, key: runs.Key) -> Iterable[seeds.Seed]:
    given = key.definition.get("seeds", {})
    if isinstance(given, str):
        return seeds.read_csv(given)
    if not isinstance(given, Mapping) or set(given) - {"asset", "table"}:
        raise DefinitionInvalid(f"settings.seeds must be the path of a CSV or {{asset, table}}, not {given!r}")
    asset, table = given.get("asset", SEED_ASSET), given.get("table", SEED_TABLE)
    upstream = job.read(asset, table, key=key.key)
    if not set(SEED_COLUMNS) <= set(upstream.columns):
        raise seeds.missing_columns(f"{asset}/{table}", upstream.columns)
    rows = upstream.select(*SEED_COLUMNS).sort(*SEED_COLUMNS).toArrow().to_pylist()
    return [seeds.seed_of(row, values) for row, values in enumerate(rows, start=1)]


def by_hand(job: Job, given: Namespace) -> dict[str, Any]:
    """The arguments' seed list."""
    chosen = {"sector": given.sector, "country": given.country}
    cleaned = seeds.clean(seeds.read_csv(given.seeds), {name: values for name, values in chosen.items() if values})
    runs.prepare_output(given.out, TABLES, overwrite=given.overwrite)
    return write(job, cleaned, None)


def arguments() -> ArgumentParser:
    """The arguments for a run by hand."""
    parser = runs.parser("nodes_only", __doc__)
    parser.add_argument("--seeds", metavar="CSV", help=f"seed list with the columns {','.join(SEED_COLUMNS)}")
    parser.add_argument("--sector", action="append", help="keep seeds of this sector; may be repeated")
    parser.add_argument("--country", action="append", help="keep seeds of this country; may be repeated")
    return parser


PAYLOAD = runs.Payload(
    name="nodes_only", arguments=arguments(), required=("seeds", "out"), launched=launched, by_hand=by_hand
)

if __name__ == "__main__":
    sys.exit(runs.run(PAYLOAD))

"""How a payload gets its settings and says its counts, launched or by hand.

By hand the arguments say everything and the last line of stdout is one JSON object; launched, the job's settings
and partition keys do, and the counts become the materialisation's metadata.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engineshed_driver
from webgraph.seeds import SeedColumnsMissing, SeedsUnreadable
from webgraph.selection import DefinitionInvalid
from webgraph.streams import InputMissing

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from engineshed_driver import Job


class OutputOccupied(ValueError):
    """The output folder holds something already."""


# Timestamps as every reader understands them; classic Spark's default is the deprecated 96-bit kind without a zone.
_CONF = {"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"}

# Wrong configuration: what the user can put right, said in one line and without a traceback.
REFUSALS = (DefinitionInvalid, InputMissing, OutputOccupied, SeedColumnsMissing, SeedsUnreadable, FileNotFoundError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A script: what it does launched, what by hand, and which arguments it needs then."""

    name: str
    arguments: ArgumentParser
    required: tuple[str, ...]
    launched: Callable[[Job], None]
    by_hand: Callable[[Job, Namespace], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Key:
    """One partition to produce: its key (None where the run has one unnamed), and the definition that holds for it."""

    key: str | None
    crawl: str | None
    definition: Mapping[str, Any]


def keys_of(job: Job) -> list[Key]:
    """The partitions of a launched job, each with its domain definition over the job's own settings.

    Raises DefinitionInvalid for a domain that the settings do not define.
    """
    settings = job.settings
    keys: list[Key] = []
    for key in job.partition.keys or (None,):
        dimensions = job.partition.by_key.get(key, {}) if key is not None else {}
        definition = dict(settings)
        domain = dimensions.get("domain")
        if domain is not None and "domains" in settings:
            definition |= named(settings, "domains", domain)
        keys.append(Key(key, dimensions.get("crawl"), definition))
    return keys


def named(settings: Mapping[str, Any], group: str, name: str) -> Any:
    """An entry of a group of the settings. Raises DefinitionInvalid naming the group and what it holds."""
    members = settings.get(group) or {}
    if name not in members:
        raise DefinitionInvalid(f"settings.{group} has no {name!r}; it has {', '.join(sorted(members)) or 'nothing'}")
    return members[name]


def say_counts(job: Job, counts: Mapping[str | None, Mapping[str, Any]]) -> None:
    """Counts of each partition as metadata; of a single one without its key."""
    if len(counts) == 1:
        job.report(next(iter(counts.values())))
    else:
        job.report({"by_partition": {str(key): dict(of_key) for key, of_key in counts.items()}})


def parser(name: str, description: str | None) -> ArgumentParser:
    """An argument parser with the two arguments that every script has, described by the module's first sentence."""
    parser = ArgumentParser(prog=f"{name}.py", description=(description or "").split("\n\n")[0])
    parser.add_argument("--out", metavar="DIR", help="folder for the results, one folder of Parquet per table")
    parser.add_argument("--overwrite", action="store_true", help="replace the tables that DIR holds already")
    return parser


def run(payload: Payload) -> int:
    """Run a payload launched or by hand; the exit code of the process."""
    started = time.monotonic()
    given = payload.arguments.parse_args(engineshed_driver.arguments())
    try:
        with engineshed_driver.open_job(payload.name, conf=_CONF, out=given.out) as job:
            if job.orchestrated:
                payload.launched(job)
            else:
                missing = [f"--{name}" for name in payload.required if not getattr(given, name)]
                if missing:
                    payload.arguments.error(f"by hand, give {' and '.join(missing)}")
                _end_by_hand(payload.by_hand(job, given), started)
    except REFUSALS as error:
        print(f"{payload.name}: {error}", file=sys.stderr)
        return 2
    return 0


def _end_by_hand(counts: Mapping[str, Any], started: float) -> None:
    """The last line of stdout: the counts and the seconds since `started` (monotonic clock)."""
    sys.stdout.flush()
    print(json.dumps({**counts, "seconds": round(time.monotonic() - started, 3)}))


def prepare_output(folder: str, tables: Sequence[str], *, overwrite: bool) -> None:
    """Make room for the tables. Raises OutputOccupied when the folder holds something and must be kept."""
    out = Path(folder)
    occupied = out.exists() and any(out.iterdir()) if not out.is_file() else True
    if occupied and not overwrite:
        raise OutputOccupied(f"{out} exists and is not empty: give another --out, or --overwrite to replace its tables")
    for table in tables:
        shutil.rmtree(out / table, ignore_errors=True)


def read_table(session: SparkSession, folder: str, table: str) -> DataFrame:
    """A table from a results folder or from the table's own folder. Raises FileNotFoundError naming both."""
    nested = Path(folder) / table
    path = nested if nested.is_dir() else Path(folder)
    if not any(path.glob("*.parquet")):
        raise FileNotFoundError(f"no Parquet of {table} in {nested} nor in {folder}: name the --out of the step before")
    return session.read.parquet(str(path))

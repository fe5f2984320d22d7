"""Text and hyperlinks of the seed hosts' pages, in one pass over WARC files: tables `pages` and `links`.

Launched, it reads the crawl's files and the nodes of `nodes_only`; by hand, the files and the seed list that
its arguments name (without --seeds: every page). Extraction runs once and writes both tables' rows together into a
scratch folder, from which the tables are split; no engine is asked to read the WARCs twice.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from webgraph import runs, seeds
from webgraph.captures import Limits
from webgraph.drops import Drop, Tally, Total, by_section
from webgraph.extract import batches
from webgraph.selection import DefinitionInvalid, Selection, selection_of
from webgraph.streams import describe, expand
from webgraph.tables import EXTRACTED_DDL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from engineshed_driver import Job

TABLES = ("pages", "links")


@dataclass(frozen=True, slots=True)
class Work:
    """What to read: each file with the numbers of the selections that look at it."""

    files: tuple[tuple[str, tuple[int, ...]], ...]
    selections: tuple[Selection, ...]


def extracted(session: SparkSession, work: Work, limits: Limits) -> DataFrame:
    """Pages with their links nested, and rows of counts; one task per file, nothing read before an action."""

    def read(frames: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for frame in frames:
            for position in frame.column(0).to_numpy():
                uri, numbers = work.files[int(position)]
                yield from batches(
                    [(int(position), uri)], {number: work.selections[number] for number in numbers}, limits
                )

    count = len(work.files)
    return session.range(0, count, 1, count).mapInArrow(read, EXTRACTED_DDL)


def repeated(rows: DataFrame) -> DataFrame:
    """Captures of pages that were captured earlier: of equal URLs the first by date, then by place, is the page."""
    order = "struct(coalesce(fetched_at, timestamp'9999-01-01') AS fetched_at, capture)"
    seen = rows.where("page_url IS NOT NULL").selectExpr("selection", "page_url", "capture", f"{order} AS place")
    firsts = seen.groupBy("selection", "page_url").agg({"place": "min"}).toDF("selection", "page_url", "first")
    kept = firsts.selectExpr("selection", "page_url", "first.capture AS kept")
    return seen.join(kept, ["selection", "page_url"]).where("capture <> kept").select("selection", "capture")


def pages(rows: DataFrame, number: int) -> DataFrame:
    """Table `pages` of one selection."""
    kept = rows.where(f"selection = {number} AND page_url IS NOT NULL")
    return kept.select("page_url", "host", "title", "text", "fetched_at")


def links(rows: DataFrame, number: int) -> DataFrame:
    """Table `links` of one selection."""
    kept = rows.where(f"selection = {number} AND page_url IS NOT NULL")
    exploded = kept.selectExpr("page_url AS src_url", "explode(links) AS link")
    return exploded.selectExpr("src_url", "link.dst_url", "link.kind", "link.rel", "link.anchor")


def counted(rows: DataFrame) -> dict[int, Tally]:
    """Counts of each selection, summed over the tasks."""
    exploded = rows.where("counts IS NOT NULL").selectExpr("selection", "explode(counts) AS c")
    sums = exploded.groupBy("selection", "c.reason").agg({"c.n": "sum"}).toDF("selection", "reason", "n")
    tallies: dict[int, Tally] = {}
    for row in sums.collect():
        tallies.setdefault(row["selection"], Tally())[row["reason"]] = row["n"]
    return tallies


def write(job: Job, work: Work, limits: Limits, keys: Sequence[str | None]) -> list[dict[str, Any]]:
    """Extract once, write both tables of every selection, and return the counts of each."""
    rows = job.checkpoint("extracted", extracted(job.session, work, limits))
    tallies = counted(rows)
    losers = [(row["selection"], row["capture"]) for row in repeated(rows).collect()]
    if losers:
        again = job.session.createDataFrame(losers, "selection int, capture bigint")
        rows = rows.join(again, ["selection", "capture"], "left_anti")
    for number, key in enumerate(keys):
        tally = tallies.setdefault(number, Tally())
        tally[Total.PAGES] = job.write("pages", pages(rows, number), key=key) or 0
        tally[Total.LINKS] = job.write("links", links(rows, number), key=key) or 0
        tally[Drop.REPEATED_PAGE] = sum(1 for selection, _ in losers if selection == number)
    return [by_section(tallies[number]) for number in range(len(keys))]


def launched(job: Job) -> None:
    """All partitions of the run in one extraction; a file is read once for all domains of its crawl."""
    keys = runs.keys_of(job)
    numbers_of: dict[str, list[int]] = {}
    selections: list[Selection] = []
    for number, key in enumerate(keys):
        nodes = job.read("nodes_only", "nodes", key=key.key).select("domain").collect()
        selections.append(selection_of(key.definition, frozenset(row["domain"] for row in nodes)))
        for uri in _files(job, key.crawl):
            numbers_of.setdefault(uri, []).append(number)
    work = Work(tuple((uri, tuple(numbers)) for uri, numbers in numbers_of.items()), tuple(selections))
    job.log.info("reading %d WARC files for %d partitions", len(work.files), len(keys))
    job.read_from(describe(uri) for uri, _ in work.files)
    counts = write(job, work, Limits(), [key.key for key in keys])
    runs.say_counts(job, {key.key: of_key for key, of_key in zip(keys, counts, strict=True)})


def _files(job: Job, crawl: str | None) -> Iterator[str]:
    """The crawl's files, in the same order wherever they were uploaded to: of two equal captures the first is kept."""
    for pattern in _warc_of(job.settings, crawl):
        places = job.places(pattern)
        yield from expand(places) if places == [pattern] else places


def _warc_of(settings: Mapping[str, Any], crawl: str | None) -> Sequence[str]:
    patterns = runs.named(settings, "crawls", crawl) if crawl is not None and "crawls" in settings else None
    patterns = patterns if patterns is not None else settings.get("warc")
    if isinstance(patterns, str) or not isinstance(patterns, Sequence) or not patterns:
        raise DefinitionInvalid(
            f"settings.warc must be a list of paths, globs, https:// or s3:// URIs, not {patterns!r}"
        )
    return patterns


def by_hand(job: Job, given: Namespace) -> dict[str, Any]:
    """The arguments' files, filtered by the arguments' seeds."""
    domains = None
    if given.seeds:
        domains = frozenset(str(node["domain"]) for node in seeds.clean(seeds.read_csv(given.seeds)).nodes)
    definition = {
        "url_patterns": {"include": given.include or [], "exclude": given.exclude or []},
        "languages": given.language or [],
    }
    work = Work(
        tuple((uri, (0,)) for uri in expand(given.warc)),
        (selection_of(definition, domains),),
    )
    runs.prepare_output(given.out, TABLES, overwrite=given.overwrite)
    return write(job, work, Limits(), [None])[0]


def arguments() -> ArgumentParser:
    """The arguments for a run by hand."""
    parser = runs.parser("edges", __doc__)
    parser.add_argument("--warc", nargs="+", metavar="GLOB", help="paths, globs, https:// or s3:// addresses")
    parser.add_argument("--seeds", metavar="CSV", help="columns organisation,url,sector,country; without: all pages")
    parser.add_argument("--include", action="append", metavar="REGEX", help="keep pages whose URL has a match")
    parser.add_argument("--exclude", action="append", metavar="REGEX", help="leave out pages whose URL has a match")
    parser.add_argument("--language", action="append", metavar="TAG", help="keep pages that declare this or none")
    return parser


PAYLOAD = runs.Payload(
    name="edges", arguments=arguments(), required=("warc", "out"), launched=launched, by_hand=by_hand
)

if __name__ == "__main__":
    sys.exit(runs.run(PAYLOAD))

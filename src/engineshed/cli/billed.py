"""`engineshed billed FILE...`: what vendors charged takes the place of what was metered."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import click

from engineshed.cli.finding import ledger_urls_here, location_option
from engineshed.model.billing import BillExport, BillLine, Imported
from engineshed.model.errors import SettingInvalid
from engineshed.prices.bills import read_export
from engineshed.storage.ledger import open_ledger

_SHOWN = 10
_COLUMNS = ("account", "day", "part", "cost_usd", "what", "token", "engine", "run_id")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--exported", metavar="MOMENT", help="When the export was made (UTC). By default the files' newest change."
)
@click.option(
    "--unmatched", "rest", type=click.Path(dir_okay=False, path_type=Path), help="Write the lines of no attempt there."
)
@location_option
def billed(files: Sequence[Path], exported: str | None, rest: Path | None, location: str | None) -> None:
    """Import FILES, all parts of one billing export: AWS CUR 2.0, Databricks usage and prices, or a plain table.

    An export replaces older ones for the days from its first line to its last; the same file again changes nothing.
    What was metered is kept beside it. A file that is not understood is refused as a whole.
    """
    export = read_export(files, _moment(exported, files))
    left: Sequence[BillLine] = export.lines
    for url in ledger_urls_here(location):
        label, done = _record(url, export)
        unmatched = set(done.unmatched)
        left = [line for line in left if line in unmatched]
        _say(label, done)
    _say_unknown([line for line in left if line.token])
    _say_others([line for line in left if not line.token])
    if rest is not None:
        _write(left, rest)


def _record(url: str, export: BillExport) -> tuple[str, Imported]:
    ledger = open_ledger(url)
    try:
        return ledger.label, ledger.record_bill(export)
    finally:
        ledger.close()


def _moment(said: str | None, files: Iterable[Path]) -> datetime:
    if said is None:
        return datetime.fromtimestamp(max(path.stat().st_mtime for path in files), UTC)
    try:
        moment = datetime.fromisoformat(said.replace("Z", "+00:00"))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingInvalid(f"--exported {said!r} is no moment: write it as 2026-12-02T06:00.") from None


def _say(ledger: str, done: Imported) -> None:
    click.echo(f"{ledger}: {_lines(done.matched)} of its attempts; billed anew: {len(done.billed)}.")
    if done.outdated:
        click.echo(f"{_lines(done.outdated)} passed over: a later export has told their days.")
    for one in done.waiting[:_SHOWN]:
        click.echo(f"{one.token} keeps its metered cost: {one.why}.")
    if len(done.waiting) > _SHOWN:
        click.echo(f"... and {len(done.waiting) - _SHOWN} more keep theirs.")


def _say_unknown(lines: Sequence[BillLine]) -> None:
    if lines:
        click.echo(f"Tokens of no attempt on record: {_lines(len(lines))} of {_sum(lines)}.")
        _say_dearest(lines, lambda line: (line.token, line.account))


def _say_others(lines: Sequence[BillLine]) -> None:
    if lines:
        click.echo(f"Without a token or run of ours: {_lines(len(lines))} of {_sum(lines)}.")
        _say_dearest(lines, lambda line: (line.account, line.what))


def _say_dearest(lines: Iterable[BillLine], name: Callable[[BillLine], tuple[str, str]]) -> None:
    of: dict[tuple[str, str], list[BillLine]] = defaultdict(list)
    for line in lines:
        of[name(line)].append(line)
    dearest = sorted(of.items(), key=lambda item: (-sum(line.usd for line in item[1]), item[0]))
    for names, group in dearest[:_SHOWN]:
        click.echo(f"  {'  '.join(map(_shown, names))}  {_sum(group)}")
    if len(dearest) > _SHOWN:
        click.echo(f"  ... and {len(dearest) - _SHOWN} more; --unmatched FILE lists every line.")


def _write(lines: Iterable[BillLine], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for line in lines:
            cost = format(line.usd, "f")
            writer.writerow([line.account, line.day, line.part, cost, line.what, line.token, line.engine, line.run_id])
    click.echo(f"The lines of no attempt are in {path}.")


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _sum(lines: Iterable[BillLine]) -> str:
    return f"${sum((line.usd for line in lines), Decimal(0)):,.2f}"


def _shown(text: str) -> str:
    """A bill is foreign text: what could steer a terminal is not printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)

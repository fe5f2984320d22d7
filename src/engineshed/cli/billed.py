"""`engineshed billed FILE...`: what vendors charged takes the place of what was metered."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
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

    An export replaces older ones for the days it tells of; the same file again changes nothing. What was metered is
    kept beside it. A file that is not understood is refused as a whole.
    """
    export = read_export(files, _moment(exported, files))
    left: Sequence[BillLine] = export.lines
    for url in ledger_urls_here(location):
        done = _record(url, export)
        left = [line for line in left if line in set(done.unmatched)]
        _say(done)
    _say_rest(left, rest)


def _record(url: str, export: BillExport) -> Imported:
    ledger = open_ledger(url)
    try:
        return ledger.record_bill(export)
    finally:
        ledger.close()


def _moment(said: str | None, files: Iterable[Path]) -> datetime:
    if said is None:
        return datetime.fromtimestamp(max(path.stat().st_mtime for path in files), UTC)
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise SettingInvalid(f"--exported {said!r} is no moment: write it as 2026-12-02T06:00.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _say(done: Imported) -> None:
    click.echo(f"{done.matched} lines of our attempts; {len(done.billed)} attempts have a new billed cost.")
    if done.outdated:
        click.echo(f"{done.outdated} lines were passed over: a later export has told their days.")
    for one in done.waiting[:_SHOWN]:
        click.echo(f"{one.token} keeps its metered cost: {one.why}.")
    if len(done.waiting) > _SHOWN:
        click.echo(f"... and {len(done.waiting) - _SHOWN} more keep theirs.")


def _say_rest(left: Sequence[BillLine], path: Path | None) -> None:
    if not left:
        return
    click.echo(
        f"{len(left)} lines of ${sum((line.usd for line in left), Decimal(0)):,.2f} belong to no attempt on record:"
    )
    sums: Counter[tuple[str, str]] = Counter()
    for line in left:
        sums[line.account, line.what] += line.usd  # type: ignore[assignment]
    for (account, what), usd in sums.most_common(_SHOWN):
        click.echo(f"  {account}  {what}  ${usd:,.2f}")
    if path is not None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["account", "day", "part", "cost_usd", "what", "token", "engine", "run_id"])
            for line in left:
                cost = format(line.usd, "f")
                writer.writerow(
                    [line.account, line.day, line.part, cost, line.what, line.token, line.engine, line.run_id]
                )
        click.echo(f"All of them are in {path}.")

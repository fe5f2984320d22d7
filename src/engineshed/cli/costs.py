"""`engineshed costs`: what was spent, by team, asset, engine; as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from engineshed.cli.finding import ledger_urls_here, location_option
from engineshed.model.errors import SettingInvalid
from engineshed.model.spending import Spending
from engineshed.planning.showback import DIMENSIONS, Sum, basis_text, showback, total
from engineshed.planning.statement import cells, figures, head, shares_text, unpriced_text
from engineshed.storage.ledger import open_ledger

_WIDEST = 1000


@click.command()
@click.option(
    "--by", default="team,asset,engine", show_default=True, metavar="NAMES", help=f"Of {', '.join(DIMENSIONS)}."
)
@click.option("--month", metavar="YYYY-MM", help="Attempts settled in that month (UTC). By default the current one.")
@click.option("--since", metavar="YYYY-MM-DD", help="Instead of a month: settled from that day on (UTC).")
@click.option("--until", metavar="YYYY-MM-DD", help="With --since: up to, not including, that day.")
@click.option("--mode", type=click.Choice(["sample", "full"]), help="Only runs of this mode.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, amounts with all their digits.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, amounts as text with all their digits.")
@location_option
def costs(
    by: str,
    month: str | None,
    since: str | None,
    until: str | None,
    mode: str | None,
    as_csv: bool,
    as_json: bool,
    location: str | None,
) -> None:
    """What settled attempts cost, failed and cancelled ones included.

    An attempt of several partitions is shared evenly among them. Attempts whose cost nobody could tell are counted as
    unpriced. The basis says where figures come from: metered, billed, estimated.
    """
    start, end = _span(month, since, until, datetime.now(UTC))
    names = [name.strip() for name in by.split(",") if name.strip()]
    spendings = [s for s in _spendings(start, end, location) if mode in (None, str(s.mode))]
    lines = showback(spendings, names)
    if as_json:
        click.echo(json.dumps([_plain(line) for line in lines], indent=2))
    elif as_csv:
        click.echo(_csv(names, lines), nl=False)
    else:
        _print(f"costs from {start:%Y-%m-%d} up to {end:%Y-%m-%d} (UTC)", names, lines)


def _spendings(start: datetime, end: datetime, location: str | None) -> list[Spending]:
    """From the platform's ledger, else from those of the locations found here, each read once."""
    found: list[Spending] = []
    for url in ledger_urls_here(location):
        ledger = open_ledger(url)
        try:
            found += ledger.spendings(start, end)
        finally:
            ledger.close()
    return found


def _span(month: str | None, since: str | None, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    if month and (since or until):
        raise SettingInvalid("--month and --since exclude each other: give one of them.")
    if until and not since:
        raise SettingInvalid("--until needs --since: give the first day too.")
    if since:
        start, end = _day(since, "--since"), _day(until, "--until") if until else now
        if end <= start:
            raise SettingInvalid(f"--until {until} is not after --since {since}: nothing lies between.")
        return start, end
    try:
        start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC) if month else now.replace(day=1)
    except ValueError:
        raise SettingInvalid(f"--month {month!r} is no month: write it as 2026-11.") from None
    start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


def _day(text: str, option: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise SettingInvalid(f"{option} {text!r} is no day: write it as 2026-11-30.") from None


def _plain(line: Sum) -> dict[str, object]:
    by_basis = {basis: _text(usd) for basis, usd in line.by_basis.items()}
    return {**line.of, **{name: _text(figure) for name, figure in figures(line).items()}, "by_basis": by_basis}


def _text(figure: Decimal | float) -> object:
    return format(figure, "f") if isinstance(figure, Decimal) else figure


def _csv(names: Sequence[str], lines: Sequence[Sum]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, *figures(total([])), "basis"])
    for line in lines:
        writer.writerow([*line.of.values(), *map(_text, figures(line).values()), basis_text(line)])
    return out.getvalue()


def _print(title: str, names: Sequence[str], lines: Sequence[Sum]) -> None:
    if not lines:
        Console().print(f"Nothing was settled: {title}.")
        return
    whole = total(lines)
    table = Table(title=title, title_justify="left", show_footer=True, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for n, name in enumerate(names):
        table.add_column(name, footer="total" if n == 0 else "", no_wrap=True)
    *numbers, basis = head(())
    for name, figure in zip(numbers, cells(whole), strict=False):
        table.add_column(name, footer=figure, justify="right", no_wrap=True)
    table.add_column(basis, footer=basis_text(whole), no_wrap=True)
    for line in lines:
        table.add_row(*cells(line))
    # As wide as it is: cut to a terminal's width, names would be a few letters to a line.
    console = Console(width=max(Console().width, Console(width=_WIDEST).measure(table).maximum))
    console.print(table)
    for said in (f"The total is {shares_text(whole)}." if shares_text(whole) else "", unpriced_text(whole)):
        if said:
            console.print(said, highlight=False)

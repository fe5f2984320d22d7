"""`engineshed prices`: the prices in force, where each comes from and how old it is; `refresh` makes them new."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from engineshed.cli.finding import platform_here
from engineshed.model.errors import ExtraMissing, SettingInvalid
from engineshed.ports.prices import Price
from engineshed.running.opening import listed_prices, own_prices
from engineshed.running.price_lists import price_list, write_price_list


@click.group(invoke_without_command=True)
@click.option("--item", "wanted", default="", help="Only items that begin so: `ec2:`, `emr:m6a`, `dbu:`.")
@click.option("--region", help="Only of that region.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, amounts as text with all their digits.")
@click.pass_context
def prices(context: click.Context, wanted: str, region: str | None, as_json: bool) -> None:
    """Show the prices in force: those of platform.yaml, then those of the price list."""
    if context.invoked_subcommand is not None:
        return
    platform = platform_here()
    own = own_prices(platform).all()
    stated = {(p.item, p.market) for p in own}
    listed = [p for p in listed_prices(platform).all() if (p.item, p.market) not in stated]
    found = [p for p in (*own, *listed) if p.item.startswith(wanted) and region in (None, p.region)]
    today = datetime.now(UTC).date()
    if as_json:
        click.echo(json.dumps([_plain(p, today) for p in found], indent=2))
        return
    _print(found, today, platform.prices_max_age_days)


@prices.command()
@click.option("--to", "to", default="", help="File or s3:// address to write; by default price_list of platform.yaml.")
def refresh(to: str) -> None:
    """Make the price list new: ask AWS for each machine, EMR surcharge and disk that the list in force names.

    What AWS does not answer stays with its old date, and is named. Nothing is written, and the exit code is 1, when it
    answers nothing at all.
    """
    platform = platform_here()
    address = to or platform.price_list
    if not address:
        raise SettingInvalid("no place for the list: set price_list in platform.yaml, or name one with --to.")
    try:
        from engineshed.prices import aws
    except ModuleNotFoundError as error:
        raise ExtraMissing("prices of AWS need boto3: install engineshed[emr].") from error
    done = aws.refresh(price_list(platform)[0], aws.clients(), datetime.now(UTC))
    for why in dict.fromkeys(done.kept.values()):
        entries = [entry for entry, reason in done.kept.items() if reason == why]
        click.echo(f"kept as before: {', '.join(entries)}: {why}", err=True)
    new = done.asked - len(done.kept)
    if not new:
        click.echo("Nothing was written: AWS answered for no entry.", err=True)
        sys.exit(1)
    write_price_list(done.listed, address, platform)
    click.echo(f"{new} of {done.asked} prices of AWS are new, of {len(done.listed.prices)} in all: {address}")


def _plain(price: Price, today: date) -> dict[str, object]:
    return {
        "item": price.item,
        "market": price.market,
        "region": price.region,
        "usd_per_hour": format(price.usd_per_hour, "f"),
        "source": price.source,
        "as_of": price.as_of.isoformat(),
        "age_days": (today - price.as_of).days,
    }


def _print(found: list[Price], today: date, max_age_days: int) -> None:
    table = Table(title="US dollars of one unit for an hour", title_justify="left", box=SIMPLE_HEAD)
    for column, justify in (("item", "left"), ("market", "left"), ("region", "left"), ("$", "right"), ("age", "right")):
        table.add_column(column, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("source", overflow="fold")
    old = 0
    for price in found:
        days = (today - price.as_of).days
        old += days > max_age_days
        age = f"[bold red]{days} d[/]" if days > max_age_days else f"{days} d"
        table.add_row(price.item, price.market, price.region, format(price.usd_per_hour, "f"), age, price.source)
    console = Console()
    console.print(table if found else "No price is known.")
    if old:
        console.print(f"{old} of {len(found)} prices are older than {max_age_days} days: `engineshed prices refresh`.")

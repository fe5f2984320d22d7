"""`engineshed reproduce RUN`: makes a recorded result again and says whether the contents are equal."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from engineshed.cli.finding import location_option, premises_here
from engineshed.model.attempt import Attempt
from engineshed.model.errors import ConfigurationInvalid
from engineshed.running.opening import open_shed
from engineshed.running.premises import Premises
from engineshed.running.reproducing import Comparison, all_equal, recorded
from engineshed.running.reproducing import reproduce as run_again
from engineshed.running.shed import Shed
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import open_store


@click.command()
@click.argument("run")
@click.option("--engine", help="Run on this engine; by default on the recorded one.")
@click.option("--asset", help="Only this asset of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@location_option
def reproduce(run: str, engine: str | None, asset: str | None, as_json: bool, location: str | None) -> None:
    """Run the Spark assets of Dagster run RUN (its id or first 8 characters) again and compare dataset hashes.

    Code and inputs are the recorded ones; the output goes to <home>/reproductions and replaces nothing. Exit code 1
    when a table differs.
    """
    premises, shed, attempts = _find(location, run, asset)
    if engine is not None and engine not in shed.engines:
        raise ConfigurationInvalid(f"engine {engine!r} is not there; there are: {', '.join(sorted(shed.engines))}.")
    scratch = Datasets(open_store(str(premises.home / "reproductions"), {}), shed.clock)
    console = Console(stderr=True)
    comparisons: list[Comparison] = []
    for attempt in attempts:
        console.print(f"[bold]{attempt.intent.asset}[/bold], recorded on {attempt.intent.engine}")
        comparisons += run_again(attempt, shed, scratch, engine=engine, say=lambda line: console.print(f"  {line}"))
    if as_json:
        click.echo(json.dumps([{**asdict(c), "equal": c.equal} for c in comparisons], indent=2))
    else:
        Console().print(_table(comparisons))
    if not all_equal(comparisons):
        click.echo("The contents differ, or there was nothing to compare.", err=True)
        sys.exit(1)


def _find(location: str | None, run: str, asset: str | None) -> tuple[Premises, Shed, list[Attempt]]:
    """The location whose ledger knows the run, and whose engines ran it."""
    problems: list[str] = []
    for premises in premises_here(location):
        shed = open_shed(premises.location, premises.platform, home=premises.home, data_root=premises.data_root)
        try:
            attempts = recorded(shed, run, asset)
        except ConfigurationInvalid as error:
            problems.append(str(error))
            continue
        if location or any(a.intent.code_location == premises.location.code_location for a in attempts):
            return premises, shed, attempts
    raise ConfigurationInvalid(problems[0] if problems else f"run {run!r} was not found.")


def _table(comparisons: list[Comparison]) -> Table:
    table = Table(title="recorded and made again", title_justify="left")
    for column in ("asset", "partition", "table", "rows", "engines", "dataset hash", "equal"):
        table.add_column(column, overflow="fold")
    for c in comparisons:
        rows = str(c.rows) if c.rows == c.recorded_rows else f"{c.recorded_rows} / {c.rows}"
        engines = c.engine if c.engine == c.recorded_engine else f"{c.recorded_engine} / {c.engine}"
        hashes = c.hash[:12] if c.equal else f"{c.recorded_hash[:12]} / {c.hash[:12]}"
        table.add_row(c.asset, c.partition or "-", c.table, rows, engines, hashes, "yes" if c.equal else "NO")
    return table

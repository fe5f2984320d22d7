"""The command line: `engineshed engines | doctor | costs | exporter | reap | ...`. One module a command.

Reads the environment (the other place that may is assets/resource.py). Errors are told in one paragraph, without a
traceback; the exit code is 2 for what the caller can mend, 1 for a comparison or a check that failed.
"""

from __future__ import annotations

import sys

import click

from engineshed.cli.backfill import backfill
from engineshed.cli.backfill_plan import backfill_plan
from engineshed.cli.billed import billed
from engineshed.cli.checking import check
from engineshed.cli.costs import costs
from engineshed.cli.discover import discover
from engineshed.cli.doctor import doctor
from engineshed.cli.engines import engines
from engineshed.cli.exporter import exporter
from engineshed.cli.migrate import migrate
from engineshed.cli.pack import pack
from engineshed.cli.plan import plan
from engineshed.cli.prices import prices
from engineshed.cli.provision import provision
from engineshed.cli.read_only import read_only
from engineshed.cli.reap import reap
from engineshed.cli.reproduce import reproduce
from engineshed.model.errors import EngineshedError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="engineshed")
def cli() -> None:
    """Where Spark assets run, why, and what they cost."""


for command in (
    plan,
    backfill_plan,
    backfill,
    prices,
    engines,
    doctor,
    check,
    costs,
    billed,
    exporter,
    reproduce,
    reap,
    pack,
    migrate,
    discover,
    provision,
    read_only,
):
    cli.add_command(command)


def main() -> None:
    """The entry point of the program `engineshed`."""
    try:
        cli(standalone_mode=True)
    except EngineshedError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)

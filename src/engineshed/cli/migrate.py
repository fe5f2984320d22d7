"""`engineshed migrate`: brings the ledger to this version's schema, once, before an upgrade's pods start."""

from __future__ import annotations

import click

from engineshed.cli.finding import platform_here
from engineshed.cli.waiting import once_there
from engineshed.model.errors import SettingInvalid
from engineshed.storage.ledger import open_ledger


@click.command()
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0), default=120.0, show_default=True, help="Seconds for the database."
)
def migrate(wait_s: float) -> None:
    """Migrate the ledger that platform.yaml ($ENGINESHED_PLATFORM) or $ENGINESHED_LEDGER_URL names.

    Waits for the database; safe to call again and by several at once.
    """
    url = platform_here().ledger_url
    if not url:
        raise SettingInvalid("no ledger is named: set ledger_url in the file that $ENGINESHED_PLATFORM names.")
    ledger = once_there(lambda: open_ledger(url), wait_s)
    click.echo(f"ledger {ledger.label} is at schema {ledger.revision}.")

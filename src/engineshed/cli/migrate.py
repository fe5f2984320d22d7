"""`engineshed migrate`: brings the ledger to this version's schema, once, before an upgrade's pods start."""

from __future__ import annotations

import time

import click

from engineshed.cli.finding import platform_here
from engineshed.model.errors import LedgerBusy, SettingInvalid
from engineshed.storage.ledger import open_ledger

_LOOK_S = 1.0


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
    give_up_s = time.monotonic() + wait_s
    while True:
        try:
            ledger = open_ledger(url)
            break
        except LedgerBusy as error:
            if time.monotonic() > give_up_s:
                raise
            click.echo(f"waiting: {error}", err=True)
            time.sleep(_LOOK_S)
    click.echo(f"ledger {ledger.label} is at schema {ledger.revision}.")

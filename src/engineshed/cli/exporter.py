"""`engineshed exporter`: the long-lived process behind /metrics."""

from __future__ import annotations

from pathlib import Path

import click

from engineshed.cli.discover import end_on_sigterm, log_to_stderr
from engineshed.cli.finding import location_option, platform_here, premises_here
from engineshed.cli.waiting import once_there
from engineshed.model.errors import SettingInvalid
from engineshed.running.system_clock import SystemClock
from engineshed.storage.ledger import open_ledger

_LEDGER_WITHIN_S = 120.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9103, show_default=True)
@click.option(
    "--checkpoint",
    "checkpoint_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to go on from after a restart; none: count from the first fact.",
)
@click.option(
    "--callers",
    type=click.Choice(["any", "service-accounts"]),
    default="any",
    show_default=True,
    help="Who may post progress: anybody who reaches the address, or service accounts of teams' namespaces.",
)
@click.option("--queue/--no-queue", default=True, show_default=True, help="Look at the queue of $DAGSTER_HOME.")
@location_option
def exporter(
    host: str, port: int, checkpoint_file: Path | None, callers: str, queue: bool, location: str | None
) -> None:
    """Serve /metrics: counters made of the ledger's facts, live progress that readers post, Dagster's queue."""
    from engineshed.telemetry.exporter.callers import AnyCaller
    from engineshed.telemetry.exporter.process import Exporter
    from engineshed.telemetry.exporter.serving import Pulse, Served, serve

    log_to_stderr()
    end_on_sigterm()
    if callers == "service-accounts":
        from engineshed.telemetry.exporter.cluster import accounts

        known = accounts()
    ledger = once_there(lambda: open_ledger(_ledger_url(location)), _LEDGER_WITHIN_S)
    gauges = None
    if queue:
        from engineshed.telemetry.exporter.queue import instance_gauges

        gauges = instance_gauges()
    one = Exporter(ledger, SystemClock(), checkpoint_file=checkpoint_file, gauges=gauges)
    pulse = Pulse()
    who = known if callers == "service-accounts" else AnyCaller()
    served = Served(text=one.text, post=one.post, callers=who, pulse=pulse, scraped=one.scraped)
    server = serve((host, port), served)
    click.echo(f"serving http://{host}:{server.server_port}/metrics from {ledger.label}", err=True)
    one.run(pulse.beat)


def _ledger_url(location: str | None) -> str:
    shared = platform_here().ledger_url
    if shared:
        return shared
    urls = sorted({premises.ledger_url for premises in premises_here(location)})
    if len(urls) > 1:
        raise SettingInvalid(
            f"the code locations here have {len(urls)} ledgers: name one location with --location, or give all one "
            "ledger by ledger_url in platform.yaml."
        )
    return urls[0]

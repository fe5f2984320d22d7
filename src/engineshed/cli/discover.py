"""`engineshed discover`: the sidecar that keeps a workspace equal to the code locations of the cluster."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

import click


@click.command()
@click.option("--workspace-dir", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--reload-url", help="GraphQL address of this pod's webserver, told to reload after changes.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), default=9102, show_default=True)
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds that a location stays listed after its last ready endpoint went.",
)
@click.option(
    "--hosts",
    type=click.Choice(["names", "addresses"]),
    default="names",
    show_default=True,
    help="Reach code servers by the cluster's names, or by cluster IP from outside of the cluster.",
)
@click.option("--once", is_flag=True, help="Write both files once and end, for an init container.")
@click.option("--once-timeout", "once_timeout_s", type=click.FloatRange(min=1), default=60.0, show_default=True)
def discover(
    workspace_dir: Path,
    reload_url: str | None,
    metrics_port: int,
    grace_s: float,
    hosts: str,
    once: bool,
    once_timeout_s: float,
) -> None:
    """Watch the cluster for code locations; keep workspace.yaml and locations.json in WORKSPACE_DIR equal to them."""
    from engineshed.discovery.catalogue import cluster_ip, cluster_name
    from engineshed.discovery.kubernetes_api import KubernetesApi
    from engineshed.discovery.serving import serve
    from engineshed.discovery.sidecar import Sidecar, Timing

    log_to_stderr()
    end_on_sigterm()
    sidecar = Sidecar(
        KubernetesApi.open(),
        workspace_dir,
        reload_url=reload_url,
        addressing=cluster_ip if hosts == "addresses" else cluster_name,
        timing=Timing(grace_s=grace_s),
    )
    if once:
        sidecar.once(once_timeout_s)
        return
    serve(metrics_port, sidecar.metrics.text, sidecar.health)
    sidecar.run()


def log_to_stderr() -> None:
    """One line an event, time first."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)


def end_on_sigterm() -> None:
    """SIGTERM ends the process at once: files are moved into place, so that there is nothing to tidy up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

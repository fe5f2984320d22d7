"""`engineshed provision`: gives each team's namespace the settings and the database password that its pods need."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from engineshed.cli.discover import end_on_sigterm, log_to_stderr

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@click.command()
@click.option("--source-config", required=True, help="ConfigMap with dagster.yaml and platform.yaml.")
@click.option("--database-secret", required=True, metavar="NAME/KEY", help="Secret, and its key with the password.")
@click.option("--namespace", help="Where both are; by default the namespace of this pod.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), default=9103, show_default=True)
def provision(source_config: str, database_secret: str, namespace: str | None, metrics_port: int) -> None:
    """Keep ConfigMap engineshed-instance and Secret engineshed-database up to date in every labelled namespace."""
    from engineshed.discovery.kubernetes_api import KubernetesApi
    from engineshed.discovery.provisioning.provisioner import Provisioner
    from engineshed.discovery.provisioning.source import Place, Source
    from engineshed.discovery.serving import serve

    name, slash, key = database_secret.partition("/")
    if not (name and slash and key):
        raise click.BadParameter(f"{database_secret!r} is not NAME/KEY.", param_hint="--database-secret")
    if not namespace and not _POD_NAMESPACE.exists():
        raise click.BadParameter("not in a pod: name the platform's namespace.", param_hint="--namespace")
    place = Place(
        namespace=namespace or _POD_NAMESPACE.read_text().strip(), config_map=source_config, secret=name, secret_key=key
    )
    log_to_stderr()
    end_on_sigterm()
    api = KubernetesApi.open()
    source = Source(api, place, now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
    provisioner = Provisioner(api, source)
    serve(metrics_port, provisioner.metrics.text, provisioner.health)
    provisioner.run()

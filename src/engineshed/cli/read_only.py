"""`engineshed read-only`: Dagster's pages for looking only, which list new code locations all the same."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("read-only")
@click.option("--workspace-dir", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--path-prefix", default="", help="Where the pages are below the host, for a proxy.")
def read_only(workspace_dir: Path, host: str, port: int, path_prefix: str) -> None:
    """Serve Dagster's pages without any right to change things; follow the workspace.yaml that `discover` writes."""
    from engineshed.cli.discover import log_to_stderr
    from engineshed.running.read_only import serve_read_only

    log_to_stderr()
    serve_read_only(workspace_dir / "workspace.yaml", host, port, path_prefix)

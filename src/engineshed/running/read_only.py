"""A read-only webserver that still lists new code locations.

Dagster refuses `reloadWorkspace` to a read-only webserver, and who could call it could do more. So nobody calls: the
process itself looks at its workspace file and reads it again when it changed. No request has a right more.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.cli import host_dagster_ui_with_workspace_process_context
from dagster_webserver.version import __version__

_LOG = logging.getLogger(__name__)

# What `dagster-webserver` sets where nothing is said.
_STATEMENT_TIMEOUT_MS = 15_000
_POOL_RECYCLE_S = 3_600
_POOL_OVERFLOW = 20


def serve_read_only(workspace_file: Path, host: str, port: int, path_prefix: str, look_every_s: float = 0.5) -> None:
    """Serve the pages of $DAGSTER_HOME until the process is ended."""
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_S, _POOL_OVERFLOW)
        text = _text(workspace_file)
        with WorkspaceProcessContext(
            instance,
            version=__version__,
            read_only=True,
            workspace_load_target=WorkspaceFileTarget([str(workspace_file)]),
        ) as pages:
            follower = threading.Thread(target=_follow, args=(pages, workspace_file, text, look_every_s), daemon=True)
            follower.start()
            host_dagster_ui_with_workspace_process_context(pages, host, port, path_prefix, "warning")


def _follow(pages: WorkspaceProcessContext, file: Path, text: str, look_every_s: float) -> None:
    """Read the workspace again whenever its text is another. What cannot be read leaves the old one in place."""
    pause = threading.Event()
    while not pause.wait(look_every_s):
        try:
            now = _text(file)
            if now != text:
                pages.reload_workspace()
                text = now
        except Exception:  # noqa: BLE001 the pages stay up with what they have; the next look tries again
            _LOG.exception("the workspace %s could not be read again", file)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")

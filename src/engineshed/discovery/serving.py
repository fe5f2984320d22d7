"""/metrics, /healthz and /readyz over HTTP, for Prometheus and the kubelet. Serves nothing else and takes no input."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Health:
    """Alive while the loop beats, ready once it said so."""

    def __init__(self, stale_after_s: float = 60.0, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._stale_after_s, self._monotonic_s = stale_after_s, monotonic_s
        self._beat_s = monotonic_s()
        self.is_ready = False

    def beat(self) -> None:
        """The loop went round."""
        self._beat_s = self._monotonic_s()

    @property
    def is_alive(self) -> bool:
        """Whether the loop went round lately."""
        return self._monotonic_s() - self._beat_s < self._stale_after_s


def serve(port: int, metrics: Callable[[], bytes], health: Health) -> ThreadingHTTPServer:
    """Serve in a thread of its own. Port 0 takes a free one. Raises OSError when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:  # the name is http.server's
            if self.path == "/metrics":
                self._answer(200, metrics(), "text/plain; version=0.0.4; charset=utf-8")
            elif self.path == "/healthz":
                self._state(health.is_alive)
            elif self.path == "/readyz":
                self._state(health.is_ready)
            else:
                self._answer(404, b"not found\n", "text/plain")

        def _state(self, good: bool) -> None:
            self._answer(200 if good else 503, b"ok\n" if good else b"not yet\n", "text/plain")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Probes are not worth a line."""

    server = ThreadingHTTPServer(("", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server

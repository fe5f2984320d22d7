"""/metrics, /healthz, /readyz and POST /progress over HTTP.

Takes JSON of bounded size from callers it knows, answers at once, and never makes a scrape wait for a round.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engineshed.telemetry.exporter.callers import Callers, Unknown
from engineshed.telemetry.exporter.exposition import CONTENT_TYPE
from engineshed.telemetry.exporter.live import Post, Taken

MAX_BODY_BYTES = 64 * 1024
_ANSWERS = {Taken.TAKEN: 202, Taken.STALE: 202, Taken.REFUSED: 403, Taken.DROPPED: 503}
_STALE_AFTER_S = 120.0
_PLAIN = "text/plain; charset=utf-8"


class Pulse:
    """Whether the rounds go on."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s, self._beat_s = monotonic_s, monotonic_s()

    def beat(self) -> None:
        """A round is over."""
        self._beat_s = self._monotonic_s()

    @property
    def is_alive(self) -> bool:
        """Whether one was lately."""
        return self._monotonic_s() - self._beat_s < _STALE_AFTER_S


class NotAPost(ValueError):
    """The body is no progress."""


def parse(body: bytes, team: str | None, at: datetime) -> list[Post]:
    """`{"posts": [{"token", "sequence", "progress": {name: number}}]}`. Raises NotAPost saying what is wrong."""
    try:
        plain = json.loads(body)
        return [_post(one, team, at) for one in plain["posts"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAPost(f"no progress: {error}") from error


def _post(one: Mapping[str, Any], team: str | None, at: datetime) -> Post:
    progress = {str(k): float(v) for k, v in one["progress"].items() if _counts(v)}
    return Post(token=str(one["token"])[:80], sequence=int(one["sequence"]), progress=progress, at=at, team=team)


def _counts(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the pages are made of. `text`: the metrics, empty until all facts that waited at the start are counted.
    `scraped` is told of each time that they were read.
    """

    text: Callable[[], bytes]
    post: Callable[[Post], Taken]
    callers: Callers
    pulse: Pulse
    scraped: Callable[[], None] = lambda: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def page(self, path: str) -> tuple[int, bytes, str]:
        """Status, body, type of content."""
        made = self.text()
        if path == "/metrics" and made:
            self.scraped()
            return 200, made, CONTENT_TYPE
        if path in ("/metrics", "/readyz"):
            return (200, b"ok\n", _PLAIN) if made else (503, b"counting\n", _PLAIN)
        if path == "/healthz":
            return (200, b"ok\n", _PLAIN) if self.pulse.is_alive else (503, b"no rounds\n", _PLAIN)
        return 404, b"not found\n", _PLAIN

    def take(self, body: bytes, bearer: str) -> tuple[int, bytes]:
        """Status and body for posted progress."""
        try:
            team = self.callers.team(bearer)
            taken = [self.post(one) for one in parse(body, team, self.now())]
        except Unknown:
            return 401, b"send a token of your service account for audience engineshed-exporter\n"
        except NotAPost as error:
            return 400, f"{error}\n".encode()
        return max((_ANSWERS[one] for one in taken), default=202), b""


def serve(address: tuple[str, int], served: Served) -> ThreadingHTTPServer:
    """Serve in a thread of its own. Port 0 takes a free one. Raises OSError when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is http.server's
            self._answer(*served.page(self.path))

        def do_POST(self) -> None:
            size = self.headers.get("Content-Length") or ""
            if self.path != "/progress" or not size.isdigit() or not 0 < int(size) <= MAX_BODY_BYTES:
                self.close_connection = True
                self._answer(400, b"post progress to /progress, at most 64 KiB\n")
                return
            bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            self._answer(*served.take(self.rfile.read(int(size)), bearer))

        def _answer(self, status: int, body: bytes, kind: str = _PLAIN) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Probes and posts are not worth a line."""

    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="exporter", daemon=True).start()
    return server

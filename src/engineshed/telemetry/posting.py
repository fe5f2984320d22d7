"""Posts live progress to the exporter, from a thread of its own: the newest of each attempt, about once a second.

A slow or dead exporter never slows or fails a run: whoever says something only puts it into a bounded shelf, where the
next word replaces it; what cannot be sent is dropped, and the exporter is left alone for a while.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

_TOGETHER = 200
"""Attempts in one post."""

_WITHIN_S = 2.0
_LONGEST_PAUSE_S = 30.0


class Poster:
    """See ports.meter.Meter. `token_file`: the projected token of this pod's account; read anew for each post."""

    def __init__(self, url: str, token_file: Path | None = None, *, every_s: float = 1.0, room: int = 1000) -> None:
        self._url, self._token_file = url.rstrip("/") + "/progress", token_file
        self._every_s, self._room = every_s, room
        self._shelf: dict[str, tuple[int, dict[str, float]]] = {}
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def progress(self, token: str, sequence: int, figures: Mapping[str, float]) -> None:
        """Put it on the shelf; the thread is started with the first word."""
        with self._lock:
            if token not in self._shelf and len(self._shelf) >= self._room:
                return
            before = self._shelf.get(token)
            if before is None or before[0] < sequence:
                self._shelf[token] = (sequence, dict(figures))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
                self._thread.start()
        self._something.set()

    def close(self, within_s: float = _WITHIN_S) -> None:
        """Send what is on the shelf, then nothing more; waits no longer than that."""
        self._over.set()
        self._something.set()
        if self._thread is not None:
            self._thread.join(within_s)

    def _run(self) -> None:
        pause_s = self._every_s
        while True:
            self._something.wait()
            self._something.clear()
            sent = self._send(self._taken())
            pause_s = self._every_s if sent else min(2 * pause_s, _LONGEST_PAUSE_S)
            if self._over.wait(pause_s):
                self._send(self._taken())
                return

    def _taken(self) -> list[dict[str, object]]:
        with self._lock:
            tokens = list(self._shelf)[:_TOGETHER]
            posts = [(token, *self._shelf.pop(token)) for token in tokens]
            if self._shelf:
                self._something.set()
        return [{"token": token, "sequence": sequence, "progress": figures} for token, sequence, figures in posts]

    def _send(self, posts: list[dict[str, object]]) -> bool:
        if not posts:
            return True
        try:
            request = urllib.request.Request(self._url, json.dumps({"posts": posts}).encode(), self._headers())
            with urllib.request.urlopen(request, timeout=_WITHIN_S):
                return True
        except (OSError, ValueError):
            return False

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._token_file is not None:
            headers["Authorization"] = f"Bearer {self._token_file.read_text(encoding='utf-8').strip()}"
        return headers

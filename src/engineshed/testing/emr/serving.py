"""The double's HTTP server: bytes in, bytes out; what is said is decided elsewhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engineshed.testing.emr import wire
from engineshed.testing.emr.account import ConnectionLost
from engineshed.testing.emr.forwarding import Reply, Request, forward

Respond = Callable[[str, bytes], tuple[int, bytes]]


class Server:
    """Serves on a free port of this machine until closed.

    respond: takes an EMR operation and its body; may raise ConnectionLost, nothing else. neighbours_url: of all else.
    """

    def __init__(self, respond: Respond, neighbours_url: str) -> None:
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.respond, self._http.neighbours_url = respond, neighbours_url
        # The default of half a second is what every `close` would wait.
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="emr", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        """No connection is taken any more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    respond: Respond
    neighbours_url: str

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that goes away is no event."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    # One packet a reply: headers and body apart wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        body = self._body()
        target = self.headers.get("X-Amz-Target") or ""
        if not target.startswith(wire.TARGET_PREFIX):
            asked = Request(method=self.command, target=self.path, headers=dict(self.headers), body=body)
            self._reply(forward(asked, self.server.neighbours_url))
            return
        try:
            status, answer = self.server.respond(target.removeprefix(wire.TARGET_PREFIX), body)
        except ConnectionLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._reply(Reply(status=status, body=answer, headers=[("Content-Type", "application/x-amz-json-1.1")]))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return self._chunks()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> bytes:
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in reply.headers):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked is in the double's own record."""

"""The double's HTTP server: bytes in, bytes out; what is said is decided elsewhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from engineshed.testing.emr import wire
from engineshed.testing.emr.account import ConnectionLost

Respond = Callable[[str, bytes], tuple[int, bytes]]


class Server:
    """Serves on a free port of this machine until closed. `respond` takes an operation and a body; it may raise
    ConnectionLost, nothing else.
    """

    def __init__(self, respond: Respond) -> None:
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.respond = respond
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


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    # One packet a reply: headers and body apart wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """One call of the API."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = (self.headers.get("X-Amz-Target") or "").removeprefix(wire.TARGET_PREFIX)
        try:
            status, answer = self.server.respond(operation, body)
        except ConnectionLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked is in the double's own record."""

"""The double's HTTP server: bytes in, bytes out; what is said is decided elsewhere."""

from __future__ import annotations

import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engineshed.testing.databricks.routing import Answer, Call


class ReplyLost(Exception):
    """The request has been dealt with, and the connection ends before its answer."""


class Server:
    """Serves on a free port of this machine until closed. `respond` raises ReplyLost, nothing else."""

    def __init__(self, respond: Callable[[Call], Answer]) -> None:
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.respond = respond
        # The default of half a second is what every `close` would wait.
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="databricks", daemon=True)
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
    respond: Callable[[Call], Answer]


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
        try:
            self._reply(self.server.respond(self._call()))
        except ReplyLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _call(self) -> Call:
        url = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        return Call(
            method=self.command,
            path=urllib.parse.unquote(url.path),
            query=query_of(url.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self._body(length),
        )

    def _body(self, length: int) -> bytes:
        """Whole; whoever goes away in the midst of it has asked for nothing."""
        body = self.rfile.read(length)
        if len(body) < length:
            raise ReplyLost
        return body

    def _chunks(self) -> bytes:
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _reply(self, answer: Answer) -> None:
        body, headers = on_the_wire(answer)
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked is in the double's own record."""


def on_the_wire(answer: Answer) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers as they are sent."""
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    kind = {} if isinstance(answer.body, bytes) else {"Content-Type": "application/json"}
    return body, {"Content-Length": str(len(body)), **kind, **answer.headers}


def query_of(text: str) -> Mapping[str, Any]:
    """The parameters of a URL; a name that is repeated has a list."""
    pairs = urllib.parse.parse_qs(text, keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in pairs.items()}

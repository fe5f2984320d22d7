"""An S3 double over HTTP that serves one request at a time.

moto honours `If-None-Match: *`, but looks and writes in two steps; served by one thread, the two are one, as on S3.
Requests for objects whose key ends in a fault's name fail with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

FAULTS = {"SlowDown": 503, "AccessDenied": 403, "InternalError": 500, "ConditionalRequestConflict": 409}


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class S3Server:
    """Listens on a free port of this machine until `stop`. `requests` counts by method."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=False, request_handler=Quiet)
        self.requests: dict[str, int] = {}
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def make_bucket(self, name: str) -> None:
        boto3.client("s3", endpoint_url=self.url, region_name="us-east-1").create_bucket(Bucket=name)

    def stop(self) -> None:
        self._server.shutdown()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        self.requests[method] = self.requests.get(method, 0) + 1
        fault = environ["PATH_INFO"].rpartition("/")[2]
        if fault in FAULTS:
            body = f"<Error><Code>{fault}</Code><Message>as asked</Message></Error>"
            return Response(body, status=FAULTS[fault], mimetype="application/xml")(environ, start)
        answer: Iterable[bytes] = self._moto(environ, start)
        return answer

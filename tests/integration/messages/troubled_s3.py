"""An S3 server over HTTP that can be given trouble: errors, lost replies, dropped connections, slowness, short pages.

moto does the work, one request at a time, so that `If-None-Match: *` is atomic as on S3. What befalls a request is
decided before it is done (`error`, `drop`) or after (`lose`, `slow`).
"""

from __future__ import annotations

import random
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

REGION = "us-east-1"

_STATUS = {"SlowDown": 503, "ServiceUnavailable": 503, "InternalError": 500, "AccessDenied": 403}


@dataclass(frozen=True)
class Trouble:
    """What befalls a request. error: a code of S3's. drop: no answer, nothing done. lose: done, but no answer."""

    error: str = ""
    drop: bool = False
    lose: bool = False
    slow_s: float = 0.0


Plan = Callable[[str, str], Trouble | None]
"""(method, path) -> trouble, or None for none."""


def at_random(seed: int, share: float, kinds: Iterable[Trouble]) -> Plan:
    """So large a share of the requests get one of these troubles."""
    chance, kinds = random.Random(seed), list(kinds)
    return lambda method, path: chance.choice(kinds) if chance.random() < share else None


class _Dropped(ConnectionError):
    """The connection is cut; the server takes it for the client's doing and goes on."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        pass


class TroubledS3:
    """Listens on a free port until `stop`. `plan` may be changed at any time; `page_keys` cuts lists into pages."""

    def __init__(self) -> None:
        self.plan: Plan = lambda method, path: None
        self.page_keys: int | None = None
        self.requests: Counter[str] = Counter()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._one = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.access = {"endpoint_url": self.url, "region": REGION}
        # moto's state is one for the whole process.
        self.root = f"s3://exchange-{uuid.uuid4().hex[:12]}"

    def make_bucket(self) -> None:
        """That of `root`."""
        client = boto3.client("s3", endpoint_url=self.url, region_name=REGION)
        client.create_bucket(Bucket=self.root.removeprefix("s3://"))

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        query = environ.get("QUERY_STRING", "")
        self.requests["LIST" if "list-type" in query else method] += 1
        trouble = self.plan(method, path) or Trouble()
        if trouble.drop:
            return self._cut(environ)
        time.sleep(trouble.slow_s)
        if trouble.error:
            body = f"<Error><Code>{trouble.error}</Code><Message>as planned</Message></Error>"
            return Response(body, status=_STATUS[trouble.error], mimetype="application/xml")(environ, start)
        if self.page_keys and "list-type" in query:
            environ["QUERY_STRING"] = f"{query}&max-keys={self.page_keys}"
        with self._one:
            answer = list(self._moto(environ, start))
        return self._cut(environ) if trouble.lose else answer

    def _cut(self, environ: dict[str, Any]) -> Iterable[bytes]:
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise _Dropped

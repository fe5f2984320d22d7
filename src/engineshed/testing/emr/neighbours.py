"""The AWS services beside EMR (S3, EC2, IAM, STS, Pricing): moto's server, in a process of its own.

A process, since moto keeps what it knows in its modules: two servers of one process would share their buckets. It
answers one request at a time: moto looks and writes in two steps, and only so is a write with `If-None-Match` what it
is on S3.

    python -m engineshed.testing.emr.neighbours     prints its URL, and serves until its standard input ends
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

REGION = "us-east-1"
CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def client(service: str, endpoint_url: str, region: str = REGION) -> Any:
    """A boto3 client, with credentials that mean nothing."""
    import boto3

    make: Any = boto3.client
    return make(service, endpoint_url=endpoint_url, region_name=region, **CREDENTIALS)


class Neighbours:
    """Serves on a free port of this machine until closed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.endpoint_url = self._process.stdout.readline().strip()
        if not self.endpoint_url:
            raise RuntimeError("moto's server did not start: is the extra `testing` installed?")

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of that service."""
        return client(service, self.endpoint_url, region)

    def make_bucket(self, name: str) -> None:
        """An empty bucket; no error when it is there."""
        self.client("s3").create_bucket(Bucket=name)

    def close(self) -> None:
        """It ends, and all that it holds with it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Neighbours:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            """Nothing."""

    moto, one_at_a_time = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with one_at_a_time:
            return list(moto(environ, start))

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    _serve()

"""An S3 server of its own process that counts what it is asked.

    python benchmarks/apparatus/s3.py      prints its address, and on SIGTERM nothing more

moto does the work, one request at a time. `GET /counts` answers and forgets the number of requests by kind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

REGION, BUCKET = "us-east-1", "exchange"


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address. The bucket `exchange` is made; credentials for it are put into this process's environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "benchmark"
    server = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        import boto3

        boto3.client("s3", endpoint_url=address, region_name=REGION).create_bucket(Bucket=BUCKET)
        yield address
    finally:
        server.kill()
        server.wait()


def counts(address: str) -> dict[str, int]:
    """Requests by kind since the last call: PUT, GET, LIST, ..."""
    with urllib.request.urlopen(f"{address}/counts") as answer:
        found: dict[str, int] = json.load(answer)
        return found


def _serve() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server
    from werkzeug.wrappers import Response

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            pass

    moto, one, seen = DomainDispatcherApplication(create_backend_app), threading.Lock(), Counter[str]()

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/counts":
            told = json.dumps(seen)
            seen.clear()
            return Response(told, mimetype="application/json")(environ, start)
        seen["LIST" if "list-type" in environ.get("QUERY_STRING", "") else environ["REQUEST_METHOD"]] += 1
        with one:
            return list(moto(environ, start))

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=Quiet)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve()

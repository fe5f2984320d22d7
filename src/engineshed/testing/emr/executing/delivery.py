"""Logs from a cluster's disk to its LogUri: every few minutes, whole files, gzipped, those that have grown.

Its own thread: a delivery must not hold up the account, and on EMR it does not either.
"""

from __future__ import annotations

import gzip
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engineshed.testing.emr.commands.fetching import bucket_and_key
from engineshed.testing.emr.records import Cluster


class Delivery:
    """Delivers what it is told of, in order. `errors`: what S3 refused. A missing bucket loses logs on EMR, too."""

    def __init__(self, root: Path, make_s3: Callable[[], Any]) -> None:
        self._root, self._make_s3 = root, make_s3
        self._sizes: dict[Path, int] = {}
        self._orders: queue.SimpleQueue[Cluster | threading.Event | None] = queue.SimpleQueue()
        self.errors: list[Exception] = []
        self._thread = threading.Thread(target=self._work, name="emr-logs", daemon=True)
        self._thread.start()

    def deliver(self, cluster: Cluster) -> None:
        """Soon; nothing without a LogUri."""
        if cluster.request.get("LogUri"):
            self._orders.put(cluster)

    def deliver_now(self, cluster: Cluster) -> None:
        """All that is in its logs by now is delivered when this returns."""
        self.deliver(cluster)
        done = threading.Event()
        self._orders.put(done)
        done.wait()

    def close(self) -> None:
        """When all that was asked for is delivered."""
        self._orders.put(None)
        self._thread.join()

    def _work(self) -> None:
        s3 = None
        while (order := self._orders.get()) is not None:
            if isinstance(order, threading.Event):
                order.set()
                continue
            s3 = s3 or self._make_s3()
            try:
                self._deliver(s3, order)
            except (s3.exceptions.ClientError, OSError) as error:
                self.errors.append(error)

    def _deliver(self, s3: Any, cluster: Cluster) -> None:
        logs = self._root / cluster.id / "logs"
        bucket, prefix = bucket_and_key(cluster.request["LogUri"])
        for path in sorted(p for p in logs.rglob("*") if p.is_file()):
            body = path.read_bytes()
            if self._sizes.get(path) == len(body):
                continue
            self._sizes[path] = len(body)
            key = "/".join(filter(None, (prefix.strip("/"), cluster.id, f"{path.relative_to(logs)}.gz")))
            s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(body), ContentType="application/x-gzip")

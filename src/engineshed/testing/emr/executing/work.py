"""What mode `execute` adds to an account: hands that run processes, and logs that arrive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engineshed.testing.emr.commands.fetching import bucket_and_key, in_s3
from engineshed.testing.emr.executing.delivery import Delivery
from engineshed.testing.emr.executing.hands import ExecutingHands
from engineshed.testing.emr.machines import Machines
from engineshed.testing.emr.neighbours import client
from engineshed.testing.emr.records import Cluster

if TYPE_CHECKING:
    from engineshed.testing.emr.account import Account


class Workshop:
    """Of one account. access: how processes reach AWS."""

    def __init__(self, account: Account, root: Path, machines: Machines, access: Mapping[str, str]) -> None:
        self._account, self._url = account, access["AWS_ENDPOINT_URL"]
        self.delivery = Delivery(root, lambda: client("s3", self._url))
        self._delivering: set[str] = set()
        self.hands = ExecutingHands(root, machines, account.post, access, self._fetch)
        self.hands.on_bootstrap, self.hands.on_released = self._bootstrapping, self._released

    def _fetch(self, address: str) -> bytes | None:
        if not in_s3(address):
            path = Path(address.removeprefix("file://"))
            return path.read_bytes() if path.is_file() else None
        bucket, key = bucket_and_key(address)
        s3 = client("s3", self._url)
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.ClientError:
            return None
        return body

    def _bootstrapping(self, cluster: Cluster) -> None:
        if cluster.id not in self._delivering:
            self._delivering.add(cluster.id)
            self._account.agenda.after(self._delay_s, lambda: self._deliver(cluster))

    @property
    def _delay_s(self) -> float:
        told = self._account.mischief.plan.log_push_s
        return self._account.pace.log_push_s if told is None else told

    def _deliver(self, cluster: Cluster) -> None:
        if cluster.id in self._delivering:
            self.delivery.deliver(cluster)
            self._account.agenda.after(self._delay_s, lambda: self._deliver(cluster))

    def _released(self, cluster: Cluster) -> None:
        """Its machines are gone: what is not delivered yet is, at once unless deliveries are slow."""
        self._delivering.discard(cluster.id)
        told = self._account.mischief.plan.log_push_s
        if told is None:
            self.delivery.deliver(cluster)
        else:
            self._account.agenda.after(told, lambda: self.delivery.deliver(cluster))

    def close(self) -> None:
        """When all that was asked for is delivered."""
        self.delivery.close()

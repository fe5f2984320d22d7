"""The engine: what the route asks, answered by EMR's API and S3.

RunJobFlow has no client token, so a token stands in the name of cluster and step: who submits looks first and adopts
what is there. Of several that look at once, one wins a claim in the exchange and asks; the others wait for what it
gets, and claim anew when nothing comes. Should two clusters be there all the same, the older one is the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from engineshed.delivered import DeliveredLogs, RangeSource
from engineshed.engines.emr import checks, logs, metering, pricing, states
from engineshed.engines.emr.client import EmrClient, Missing, lost
from engineshed.engines.emr.names import NAME, token_of
from engineshed.engines.emr.offers import offers
from engineshed.engines.emr.rendering import Place, job_block, render
from engineshed.engines.emr.settings import EmrSettings
from engineshed.model.errors import EngineError, LaunchLost, PlatformBusy, SubmitRejected
from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.money import Cost
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.status import Status
from engineshed.model.usage import Usage
from engineshed.ports.engine import Capabilities, Check, LogChunk, Surroundings
from engineshed.ports.prices import PriceBook

_DETAIL_LINES = 40

_TURNS = 3
_AWAITED_S = 5.0
"""A RunJobFlow is answered, and its cluster listed, within a second or two; three turns stay below a lease's time."""
_AWAIT_LOOK_S = 0.5

_LOGS_LATE_S = 330.0
"""EMR pushes logs every five minutes."""

_LOOK_S = 5.0
"""A look takes two requests of an account's few a second."""


class EmrEngine:
    """See `engineshed.ports.engine.Engine`. `clients`: boto3 clients of S3, EC2 and IAM, by name."""

    def __init__(
        self, settings: EmrSettings, surroundings: Surroundings, emr: EmrClient, clients: Callable[[str], Any]
    ) -> None:
        self._settings, self._surroundings, self._emr, self._clients = settings, surroundings, emr, clients
        self._clock = surroundings.clock
        self._delivered = DeliveredLogs(surroundings.clock)
        exchange = surroundings.exchange
        root = exchange.root if exchange is not None else ""
        log_uri = settings.log_uri or (f"{root}/emr-logs" if root.startswith("s3://") else "")
        self._place = Place(exchange=root, access=surroundings.exchange_access, log_uri=f"{log_uri.rstrip('/')}/")

    @property
    def name(self) -> str:
        """As the entry point is called."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Messages by objects of the exchange."""
        return Capabilities(transports=("objects",), beyond_machine=True, logs_late_s=_LOGS_LATE_S, look_s=_LOOK_S)

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        """Workers on demand and on spot, or the existing cluster; what lacks an exchange on S3 makes none."""
        if not self._place.exchange.startswith("s3://"):
            reason = "clusters read code and context from S3: set exchange_root to an s3:// address"
            return (Rejection(engine=NAME, code="no_exchange", reason=reason),)
        return offers(job, job_block(job), self._settings, book)

    def render(self, work: Work) -> Request:
        """The RunJobFlow, or the step."""
        return render(work, self._settings, self._place)

    def submit(self, request: Request) -> Launch:
        """Put what the run is told into the exchange, look for the token, and only then ask for a cluster or step."""
        body = request.body
        there = self._there(request.token, body)
        if there is not None:
            return there
        self._upload(body["uploads"])
        for turn in range(1, _TURNS + 1):
            if self._claim(request.token, turn):
                return self._ask(request.token, body)
            there = self._awaited(request.token, body)
            if there is not None:
                return there
        raise PlatformBusy(f"engine {NAME}: others are at submitting {request.token}: repeat.")

    def _ask(self, token: Token, body: Mapping[str, Any]) -> Launch:
        if "cluster" in body:
            self._emr.call("run_job_flow", **body["cluster"])
        else:
            try:
                self._emr.call("add_job_flow_steps", JobFlowId=body["cluster_id"], Steps=[body["step"]])
            except Missing as error:
                raise SubmitRejected(f"engine {NAME}: {error}: name a cluster that runs.") from error
        found = self._awaited(token, body)
        if found is None:
            raise PlatformBusy(f"engine {NAME}: EMR took {token} but does not list it yet: ask again.")
        return found

    def _claim(self, token: Token, turn: int) -> bool:
        """Whether this caller is the one that asks EMR, in this turn."""
        exchange = self._surroundings.exchange
        assert exchange is not None, "render refuses to be without one"
        return exchange.put_if_absent(f"claims/{token}/{turn}", str(self._clock.now()).encode())

    def _awaited(self, token: Token, body: Mapping[str, Any]) -> Launch | None:
        """What another's call gets, waited for; None when nothing comes: it has died, or its call was refused."""
        until_s = self._clock.monotonic_s() + _AWAITED_S
        while True:
            there = self._there(token, body)
            if there is not None or self._clock.monotonic_s() >= until_s:
                return there
            self._clock.sleep(_AWAIT_LOOK_S)

    def find(self, token: Token) -> Launch | None:
        """Looks through the clusters of the last `look_back_days`, and the steps of the existing one."""
        found = self._own_cluster(token)
        if found is None and self._settings.cluster is not None:
            found = self._step_on(self._settings.cluster, token)
        return found

    def status(self, launch: Launch) -> Status:
        """The step's word, and the cluster's where it explains it."""
        step, cluster = self._look(launch)
        now = self._clock.now()
        if step["Status"]["State"] != "FAILED":
            return states.read(step, cluster, now=now)
        return states.read(step, cluster, now=now, log_tail=self._tail(launch, cluster))

    def cancel(self, launch: Launch) -> None:
        """End the cluster of the run's own, protected from termination or not; of a shared one the step alone."""
        try:
            cluster_id, step_id = _ids(launch)
            if launch.extras.get("shared"):
                self._emr.call(
                    "cancel_steps",
                    ClusterId=cluster_id,
                    StepIds=[step_id],
                    StepCancellationOption="TERMINATE_PROCESS",
                )
                return
            self._emr.call("terminate_job_flows", JobFlowIds=[cluster_id])
        except (Missing, LaunchLost):
            return
        except SubmitRejected:
            self._emr.call("set_termination_protection", JobFlowIds=[cluster_id], TerminationProtected=False)
            self._emr.call("terminate_job_flows", JobFlowIds=[cluster_id])

    def usage(self, launch: Launch) -> Usage:
        """Every machine over its own time, with its disks; see `metering`."""
        step, cluster = self._look(launch)
        now = self._clock.now()
        if launch.extras.get("shared"):
            return metering.of_step(step, now, over=states.over(step, cluster))
        cluster_id, _ = _ids(launch)
        fleets = self._emr.pages("list_instance_fleets", "InstanceFleets", ClusterId=cluster_id)
        return metering.of_instances(
            self._emr.pages("list_instances", "Instances", ClusterId=cluster_id),
            metering.disks_of(fleets),
            root_gib=self._settings.machine.root_gib,
            disk_type=self._settings.machine.disk_type,
            now=now,
            over=cluster["Status"]["State"] in states.ENDED,
        )

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        """By the book's prices in the clusters' region."""
        return pricing.cost(usage, self._settings.region, book)

    def owned(self, prefix: str) -> Iterator[Launch]:
        """Every run of the last `look_back_days` that carries a token of ours with the prefix, oldest first."""
        for cluster in sorted(self._recent(), key=_created):
            token = token_of(cluster["Name"])
            if token is not None and token.startswith(prefix):
                yield self._launch_of(token, cluster["Id"], shared=False)
        if self._settings.cluster is not None:
            for step in self._steps_on(self._settings.cluster):
                token = token_of(step["Name"])
                if token is not None and token.startswith(prefix):
                    yield self._launch(token, self._settings.cluster, step, shared=True)

    def links(self, launch: Launch) -> Mapping[str, str]:
        """The console's page of the cluster, its persistent Spark history, and where the step's logs go."""
        region, (cluster_id, step_id) = self._settings.region, _ids(launch)
        console = f"https://{region}.console.aws.amazon.com/emr/home?region={region}#/clusterDetails/{cluster_id}"
        return {
            "cluster": console,
            "Spark history": f"{console}/applications",
            "driver log": f"{self._place.log_uri}{cluster_id}/steps/{step_id}/",
        }

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        """The step's output as it is delivered."""
        step, cluster = self._look(launch)
        streams = self._streams(launch, cluster)
        if not streams:
            return LogChunk("", cursor)
        final = states.over(step, cluster)
        return self._delivered.next(launch.token, lambda: streams, cursor, final=final)

    def settings(self) -> Mapping[str, object]:
        """As checked; of variables and Spark settings only the names."""
        plain = self._settings.model_dump(mode="json")
        return {**plain, "env": sorted(self._settings.env), "conf": sorted(self._settings.conf)}

    def doctor(self) -> Sequence[Check]:
        """Whether EMR answers, and what the settings name is there."""
        return checks.checks(self._emr, self._clients, self._settings, self._place.exchange, self._place.log_uri)

    def _upload(self, uploads: Mapping[str, str]) -> None:
        exchange = self._surroundings.exchange
        assert exchange is not None, "render refuses to be without one"
        for address, text in uploads.items():
            exchange.put_if_absent(address.removeprefix(f"{exchange.root}/"), text.encode())

    def _there(self, token: Token, body: Mapping[str, Any]) -> Launch | None:
        return self._own_cluster(token) if "cluster" in body else self._step_on(str(body["cluster_id"]), token)

    def _own_cluster(self, token: Token) -> Launch | None:
        """The oldest cluster of that name; further ones of a race are ended."""
        found = sorted((c for c in self._recent() if token_of(c["Name"]) == token), key=_created)
        for twin in found[1:]:
            if twin["Status"]["State"] not in states.ENDING:
                self._emr.call("terminate_job_flows", JobFlowIds=[twin["Id"]])
        return self._launch_of(token, found[0]["Id"], shared=False) if found else None

    def _step_on(self, cluster_id: str, token: Token) -> Launch | None:
        for step in self._steps_on(cluster_id):
            if token_of(step["Name"]) == token:
                return self._launch(token, cluster_id, step, shared=True)
        return None

    def _steps_on(self, cluster_id: str) -> Iterator[dict[str, Any]]:
        try:
            yield from self._emr.pages("list_steps", "Steps", ClusterId=cluster_id)
        except Missing:
            return

    def _recent(self) -> Iterator[dict[str, Any]]:
        since = self._clock.now() - timedelta(days=self._settings.look_back_days)
        return self._emr.pages("list_clusters", "Clusters", CreatedAfter=since)

    def _launch_of(self, token: Token, cluster_id: str, *, shared: bool) -> Launch:
        step = next(iter(self._steps_on(cluster_id)), None)
        if step is None:
            raise EngineError(f"engine {NAME}: cluster {cluster_id} of {token} has no step: it is none of ours.")
        return self._launch(token, cluster_id, step, shared=shared)

    def _launch(self, token: Token, cluster_id: str, step: Mapping[str, Any], *, shared: bool) -> Launch:
        created: datetime = step["Status"]["Timeline"]["CreationDateTime"]
        extras = {"shared": "yes"} if shared else {}
        return Launch(
            engine=NAME, token=token, native_id=f"{cluster_id}/{step['Id']}", submitted_at=created, extras=extras
        )

    def _look(self, launch: Launch) -> tuple[dict[str, Any], dict[str, Any]]:
        cluster_id, step_id = _ids(launch)
        try:
            step = self._emr.call("describe_step", ClusterId=cluster_id, StepId=step_id)["Step"]
            cluster = self._emr.call("describe_cluster", ClusterId=cluster_id)["Cluster"]
        except Missing as error:
            raise lost(launch.token, launch.native_id) from error
        return step, cluster

    def _streams(self, launch: Launch, cluster: Mapping[str, Any]) -> dict[str, RangeSource]:
        uri = str(cluster.get("LogUri") or "")
        place = logs.folder_of(uri, *_ids(launch))
        if place is None:
            return {}
        client = partial(self._clients, "s3")
        return {stream: logs.StepLog(client, *place, stream) for stream in logs.STREAMS}

    def _tail(self, launch: Launch, cluster: Mapping[str, Any]) -> str:
        try:
            return logs.tail(self._streams(launch, cluster), _DETAIL_LINES)
        except EngineError:
            return ""


def _ids(launch: Launch) -> tuple[str, str]:
    """Cluster and step. Raises LaunchLost for a run that never was EMR's."""
    cluster_id, _, step_id = launch.native_id.partition("/")
    if not step_id:
        raise lost(launch.token, launch.native_id)
    return cluster_id, step_id


def _created(cluster: Mapping[str, Any]) -> datetime:
    created: datetime = cluster["Status"]["Timeline"]["CreationDateTime"]
    return created

"""The engine: what the route asks, answered by the Jobs, Clusters and Files APIs of one workspace.

A run carries its token as idempotency token and in its name (a named job's run in its parameters), so that a second
submit returns what is there, a lost reply is found, and whoever looks at the workspace knows the Dagster run. Whatever
another body must know lies in the workspace itself; what is kept here in memory only makes bills more exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from engineshed.delivered import DeliveredLogs
from engineshed.engines.databricks import logs, metering, named, pricing, states
from engineshed.engines.databricks.checks import checks
from engineshed.engines.databricks.code import CodeFolder
from engineshed.engines.databricks.names import NAME, token_of
from engineshed.engines.databricks.offers import offers
from engineshed.engines.databricks.rendering import Place, job_block, render
from engineshed.engines.databricks.settings import DatabricksSettings, Serverless
from engineshed.model.errors import EngineError, LaunchLost, SubmitRejected
from engineshed.model.failure import Failure
from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.money import Cost
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.status import State, Status
from engineshed.model.usage import Usage
from engineshed.ports.engine import Capabilities, Check, LogChunk, Surroundings
from engineshed.ports.prices import PriceBook
from engineshed.workspace import Files, Missing, Unfit, Workspace

JSON = Mapping[str, Any]

_DETAIL_LINES = 40
_SEEN_EVERY_S = 60.0
"""Between two looks at a live cluster's machines."""
_LOGS_EVERY_S = 20.0
_ASKED = {
    "pool": ("/api/2.0/instance-pools/get", "instance_pool_id"),
    "existing": ("/api/2.1/clusters/get", "cluster_id"),
}


class DatabricksEngine:
    """See `engineshed.ports.engine.Engine` for what each method promises. `pipes`: version of dagster-pipes here."""

    def __init__(
        self, settings: DatabricksSettings, surroundings: Surroundings, workspace: Workspace, pipes: str
    ) -> None:
        self._settings, self._surroundings, self._workspace = settings, surroundings, workspace
        self._clock = surroundings.clock
        self._files = Files(workspace)
        self._code = CodeFolder(workspace, self._files, surroundings.exchange)
        self._pipes = pipes
        self._seen: dict[Token, list[metering.Seen]] = {}
        self._look_again_s: dict[Token, float] = {}
        self._delivered = DeliveredLogs(surroundings.clock, look_s=_LOGS_EVERY_S)
        self._outputs: dict[Token, dict[str, Any]] = {}

    @property
    def name(self) -> str:
        """As the entry point is called."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Messages by volumes; by objects before them where all drivers reach an s3:// exchange.

        Serverless has no status tracker, so progress is declared only where some runs have a cluster.
        """
        serverless = [isinstance(compute, Serverless) for compute in self._settings.compute]
        exchange = self._surroundings.exchange
        by_objects = exchange is not None and exchange.root.startswith("s3://") and self._settings.exchange_reached
        transports = ("objects", "volumes") if by_objects and not any(serverless) else ("volumes",)
        return Capabilities(transports=transports, progress=not all(serverless), beyond_machine=True)

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        """Of each way of the settings; asks the workspace for pools and clusters that are there."""
        return offers(job, job_block(job), self._settings, book, self._ask)

    def render(self, work: Work) -> Request:
        """The run, what the relay is told, and the files to upload."""
        place = Place(
            code_location=self._surroundings.code_location,
            access=self._surroundings.exchange_access,
            pipes=self._pipes,
        )
        return render(work, self._settings, place)

    def submit(self, request: Request) -> Launch:
        """Upload what is missing, then the run. All of it may be repeated: paths name content, the run its token."""
        body = request.body
        try:
            for upload in body["uploads"]:
                self._code.put(upload)
            self._code.put_text(body["launch"]["address"], _json(body["launch"]["content"]))
            if "submit" in body:
                run_id = int(self._workspace.post("/api/2.2/jobs/runs/submit", body["submit"])["run_id"])
            else:
                run_id = named.run_of(self._workspace, request.token, body)
        except (Unfit, Missing) as error:
            raise SubmitRejected(f"engine {NAME}: {error}") from error
        return self._launch(request.token, self._workspace.get("/api/2.2/jobs/runs/get", run_id=run_id))

    def find(self, token: Token) -> Launch | None:
        """Looks through the runs of the last `look_back_days`. A submit finds older ones by their idempotency token."""
        for run in self._runs():
            if token_of(run) == token:
                return self._launch(token, run)
        return None

    def status(self, launch: Launch) -> Status:
        """What the Jobs API says, and the cluster where its end may be why."""
        run = self._run(launch)
        now = self._clock.now()
        if not states.over(run):
            self._look_at_cluster(launch, run, now)
            return states.read_run(run, now=now)
        status = states.read_run(run, now=now)
        if status.state is not State.FAILED:
            return status
        if status.failure is not None and status.native in states.CLUSTERS_FAULT:
            status = states.read_run(run, now=now, cluster=self._cluster(run))
        return _with_detail(status, logs.detail_of(self._output(launch, run), _DETAIL_LINES))

    def cancel(self, launch: Launch) -> None:
        """Ask for the end, of a named job's run too. Raises PlatformBusy: ask again."""
        if not launch.native_id.isdigit():
            return
        try:
            self._workspace.post("/api/2.2/jobs/runs/cancel", {"run_id": int(launch.native_id)})
        except (Missing, Unfit):
            return

    def usage(self, launch: Launch) -> Usage:
        """Machines by market, disks and Databricks units, by the cluster's events; see `metering`."""
        run, now = self._run(launch), self._clock.now()
        over = states.over(run)
        task = states.task_of(run)
        if task.get("new_cluster"):
            return self._of_job_cluster(launch, run, task, now)
        if task.get("existing_cluster_id"):
            return self._of_existing(launch, run, task, now, over=over)
        dbus = next((c.dbus_per_hour for c in self._settings.compute if isinstance(c, Serverless)), None)
        sku = pricing.sku(self._settings.tier, "serverless", photon=False)
        return metering.of_serverless(run, sku, dbus, now=now)

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        """By the book's prices in the workspace's region."""
        return pricing.cost(usage, self._settings.region, book)

    def owned(self, prefix: str) -> Iterator[Launch]:
        """Every run of the last `look_back_days` that carries a token of ours with the prefix."""
        for run in self._runs():
            token = token_of(run)
            if token is not None and token.startswith(prefix):
                yield self._launch(token, run)

    def links(self, launch: Launch) -> Mapping[str, str]:
        """The run's page, its cluster's Spark UI, and where its logs go."""
        found = {"run": launch.url or f"{self._workspace.host}/jobs/runs/{launch.native_id}"}
        try:
            task = states.task_of(self._run(launch))
        except EngineError:
            return found
        cluster_id = (task.get("cluster_instance") or {}).get("cluster_id")
        if cluster_id:
            found["Spark UI"] = f"{self._workspace.host}/compute/clusters/{cluster_id}?tab=spark-ui"
            folder = _log_folder(task)
            if folder:
                found["driver log"] = f"{folder}/{cluster_id}/driver"
        return found

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        """What was delivered; the run's own output where nothing was by its end."""
        run = self._run(launch)
        final = states.over(run)
        task = states.task_of(run)
        cluster_id = (task.get("cluster_instance") or {}).get("cluster_id")
        folder = _log_folder(task)
        if folder.startswith("/Volumes/") and cluster_id and not logs.of_output(cursor):
            place = f"{folder}/{cluster_id}/driver"
            streams = {name: partial(logs.DriverFolder, self._files, place, name)() for name in logs.STREAMS}
            chunk = self._delivered.next(launch.token, lambda: streams, cursor, final=final)
            if chunk.text or cursor:
                return chunk
        if not final:
            return LogChunk("", cursor)
        return logs.next_of_output(self._output(launch, run), cursor)

    def settings(self) -> Mapping[str, object]:
        """As checked; of variables and Spark settings only the names."""
        plain = self._settings.model_dump(mode="json")
        return {**plain, "env": sorted(self._settings.env), "conf": sorted(self._settings.conf)}

    def doctor(self) -> Sequence[Check]:
        """Whether the workspace answers, and what the settings name is there."""
        exchange = self._surroundings.exchange
        today = self._clock.now().date()
        return checks(self._workspace, self._settings, exchange.root if exchange else "", today)

    def _ask(self, kind: str, identity: str) -> JSON:
        path, key = _ASKED[kind]
        return self._workspace.get(path, **{key: identity})

    def _runs(self) -> Iterator[JSON]:
        since = self._clock.now() - timedelta(days=self._settings.look_back_days)
        query = {"limit": 25, "start_time_from": int(since.timestamp() * 1000)}
        return self._workspace.items("/api/2.2/jobs/runs/list", "runs", **query)

    def _run(self, launch: Launch) -> dict[str, Any]:
        lost = LaunchLost(
            f"engine {NAME}: the workspace {self._settings.host or self._settings.profile} knows no run "
            f"{launch.native_id} of {launch.token}: it was deleted, is older than 60 days, or belongs to another one."
        )
        if not launch.native_id.isdigit():
            raise lost
        try:
            return self._workspace.get("/api/2.2/jobs/runs/get", run_id=launch.native_id)
        except Missing as error:
            raise lost from error

    def _launch(self, token: Token, run: JSON) -> Launch:
        submitted_at = metering.time_of(run.get("start_time"))
        assert submitted_at is not None, "the Jobs API stamps every run"
        return Launch(
            engine=NAME,
            token=token,
            native_id=str(run["run_id"]),
            submitted_at=submitted_at,
            url=str(run.get("run_page_url") or "") or None,
            extras={"job_id": str(run.get("job_id") or "")},
        )

    def _cluster(self, run: JSON) -> dict[str, Any] | None:
        cluster_id = (states.task_of(run).get("cluster_instance") or {}).get("cluster_id")
        if not cluster_id:
            return None
        try:
            return self._workspace.get("/api/2.1/clusters/get", cluster_id=cluster_id)
        except Missing:
            return None

    def _look_at_cluster(self, launch: Launch, run: JSON, now: datetime) -> None:
        """Which of its machines are spot: nobody tells once they are gone."""
        now_s = self._clock.monotonic_s()
        if now_s < self._look_again_s.get(launch.token, 0.0):
            return
        self._look_again_s[launch.token] = now_s + _SEEN_EVERY_S
        cluster = self._cluster(run)
        found = metering.Seen.of(cluster, now) if cluster else None
        if found is not None:
            self._seen.setdefault(launch.token, []).append(found)

    def _of_job_cluster(self, launch: Launch, run: JSON, task: JSON, now: datetime) -> Usage:
        cluster = self._cluster(run)
        spec = {**task["new_cluster"], **(self._of_pool(task["new_cluster"]) or {})}
        machines = metering.Machines.of(spec, self._sku("new_cluster", spec))
        if cluster is None:
            return Usage(complete=states.over(run))
        ended = metering.time_of(cluster.get("terminated_time"))
        events = self._events(str(cluster["cluster_id"]))
        over = states.over(run) and ended is not None
        seen = self._seen.get(launch.token, [])
        return metering.of_cluster(machines, events, seen, until=ended or now, over=over)

    def _of_existing(self, launch: Launch, run: JSON, task: JSON, now: datetime, *, over: bool) -> Usage:
        cluster = self._cluster(run)
        start = metering.time_of(task.get("start_time"))
        if cluster is None or start is None:
            return Usage(complete=over)
        machines = metering.Machines.of(cluster, self._sku("existing", cluster))
        end = metering.time_of(task.get("end_time")) or now
        events = self._events(str(cluster["cluster_id"]), until=end)
        seen = self._seen.get(launch.token, [])
        return metering.of_cluster(machines, events, seen, until=end, over=over, since=start)

    def _of_pool(self, spec: JSON) -> dict[str, Any] | None:
        """What machines of a pool are, where the cluster comes from one."""
        pool_id = spec.get("instance_pool_id")
        if not pool_id:
            return None
        pool = self._ask("pool", str(pool_id))
        driver_id = spec.get("driver_instance_pool_id")
        driver = self._ask("pool", str(driver_id)) if driver_id else pool
        aws = {"first_on_demand": 0, "availability": "SPOT", **(pool.get("aws_attributes") or {})}
        return {
            "node_type_id": pool["node_type_id"],
            "driver_node_type_id": driver["node_type_id"],
            "aws_attributes": aws,
        }

    def _sku(self, kind: str, spec: JSON) -> str:
        return pricing.sku(self._settings.tier, kind, photon=spec.get("runtime_engine") == "PHOTON")

    def _events(self, cluster_id: str, until: datetime | None = None) -> Iterator[JSON]:
        """All events of the cluster, oldest first, over any number of pages."""
        asked: dict[str, Any] = {"cluster_id": cluster_id, "order": "ASC", "limit": 500}
        if until is not None:
            asked["end_time"] = int(until.timestamp() * 1000)
        while True:
            page = self._workspace.post("/api/2.1/clusters/events", asked)
            yield from page.get("events") or ()
            if not page.get("next_page"):
                return
            asked = dict(page["next_page"])

    def _output(self, launch: Launch, run: JSON) -> dict[str, Any]:
        """Of a run that is over, asked for once."""
        if launch.token not in self._outputs:
            try:
                task_run = states.task_of(run).get("run_id")
                self._outputs[launch.token] = self._workspace.get("/api/2.2/jobs/runs/get-output", run_id=task_run)
            except (Missing, Unfit):
                self._outputs[launch.token] = {}
        return self._outputs[launch.token]


def _json(content: JSON) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def _log_folder(task: JSON) -> str:
    conf = (task.get("new_cluster") or {}).get("cluster_log_conf") or {}
    kinds = ("volumes", "dbfs", "s3")
    return next((str(conf[kind]["destination"]).rstrip("/") for kind in kinds if conf.get(kind)), "")


def _with_detail(status: Status, detail: str) -> Status:
    failure = status.failure
    if failure is None:
        return status
    return Status(
        state=status.state,
        native=status.native,
        observed_at=status.observed_at,
        started_at=status.started_at,
        ended_at=status.ended_at,
        failure=Failure(failure.failure_class, failure.reason, failure.message, detail),
    )

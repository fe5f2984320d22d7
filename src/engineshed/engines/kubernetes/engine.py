"""Engine `kubernetes`: each run a Job (or the operator's SparkApplication) of the team's namespace, named by its token.

The API server is the only memory: an engine built anew finds, watches, bills and ends the runs of one that died. A run
is owned by nothing that Dagster deletes; its ConfigMap is owned by it, its executors by its driver's pod.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from engineshed.engines.kubernetes import attachments, executors, logs, metering, names, operator, pricing, states
from engineshed.engines.kubernetes.api import (
    APPLICATIONS,
    CONFIG_MAPS,
    EVENTS,
    JOBS,
    PODS,
    Api,
    Missing,
    NoCluster,
    Taken,
)
from engineshed.engines.kubernetes.checks import checks
from engineshed.engines.kubernetes.nodes import read_nodes
from engineshed.engines.kubernetes.objects import JSON, annotation, driver_of, finished_at, time_of
from engineshed.engines.kubernetes.offers import offers
from engineshed.engines.kubernetes.rendering import Place, job_block, render
from engineshed.engines.kubernetes.settings import NAME, KubernetesSettings
from engineshed.model.errors import LaunchLost, PlatformBusy, SubmitRejected
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

PLATFORM_FILE = "/etc/engineshed/platform/cluster.json"
"""Where the platform's ConfigMap is mounted in every pod of a code location."""

_QUIET_S = 2.0
"""Between two looks at a log that had nothing new: each is a request to a kubelet."""
_DETAIL_LINES = 40
_LINES_READ = 2000
"""A refused executor is told in 100 lines of Java, and others come behind it."""


class KubernetesEngine:
    """See `engineshed.ports.engine.Engine` for what each method promises."""

    def __init__(self, settings: KubernetesSettings, surroundings: Surroundings, open_api: Callable[[], Api]) -> None:
        self._settings = settings
        self._clock = surroundings.clock
        self._open_api = open_api
        self._surroundings = surroundings
        self._kind = APPLICATIONS if settings.operator.enabled else JOBS
        self._quiet_until: dict[str, float] = {}
        self._final: set[str] = set()
        self._transports = ("objects", "pod_logs") if surroundings.exchange else ("pod_logs",)

    @cached_property
    def _api(self) -> Api:
        """Opened when it is first asked: who only loads definitions needs no cluster. Raises NoCluster."""
        return self._open_api()

    @property
    def name(self) -> str:
        """As the entry point is called."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Messages by objects where there is an exchange, by the pod's log where there is none."""
        return Capabilities(transports=self._transports, beyond_machine=True, submits_in_parts=True)

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        """One answer a node class, or that there is no cluster."""
        try:
            api = self._api
        except NoCluster as error:
            return (Rejection(engine=NAME, code="no_cluster", reason=str(error)),)
        nodes = read_nodes(self._settings.cluster_file or PLATFORM_FILE, api)
        return offers(job, job_block(job), self._settings, nodes, book)

    def render(self, work: Work) -> Request:
        """The run's object, and what its ConfigMap is to hold."""
        place = Place(
            namespace=self._api.namespace,
            team=self._surroundings.team,
            access=self._surroundings.exchange_access,
        )
        return render(work, self._settings, place)

    def submit(self, request: Request) -> Launch:
        """Create the run, suspended where it has attachments; then those; then let it go.

        Whoever calls again after a crash in between completes what is missing. Raises JobInvalid for attachments that
        are too large.
        """
        run = self._create(request)
        there = annotation(run, names.REQUEST)
        if there != request.digest:
            raise SubmitRejected(
                f"engine {NAME}: token {request.token} was submitted before with another request "
                f"(digest {there}, now {request.digest}): take a new token for a new request."
            )
        asked = request.body.get("attachments")
        while asked and run["spec"].get("suspend") and not annotation(run, names.CANCELLED):
            self._attach(request.token, asked, run)
            go = {"metadata": {"resourceVersion": run["metadata"]["resourceVersion"]}, "spec": {"suspend": False}}
            try:
                run = self._api.patch(self._path(request.token), go)
            except Taken:
                run = self._api.get(self._path(request.token))
        return self._launch(run)

    def find(self, token: Token) -> Launch | None:
        """The run of that name."""
        try:
            return self._launch(self._api.get(self._path(token)))
        except Missing:
            return None

    def status(self, launch: Launch) -> Status:
        """What the API server says; what was metered since the last look is put on record; a stuck driver is ended."""
        run, pods = self._look(launch)
        reading = self._read(run, pods)
        status = reading.status
        if reading.stuck is not None:
            self._give_up(launch, reading.stuck, pods)
            return status
        self._record(launch, run, pods)
        if status.state.final:
            self._final.add(launch.token)
        if status.state is State.FAILED and status.failure is not None:
            return replace(status, failure=self._explained(status.failure, launch, pods))
        return status

    def cancel(self, launch: Launch) -> None:
        """Mark the run and let its own controller end it: the object stays, so that it can be billed."""
        try:
            run, pods = self._look(launch)
        except LaunchLost:
            return
        if self._ended(run) is not None or annotation(run, names.CANCELLED):
            return
        self._end(launch, {names.CANCELLED: self._clock.now().isoformat()}, run, pods)

    def forget(self, launch: Launch) -> None:
        """Delete an ended run with its pods and its ConfigMap, which else stay for `ttl_s`."""
        try:
            if self._ended(self._look(launch)[0]) is not None:
                self._api.delete(self._path(launch.token))
        except (LaunchLost, Missing):
            return

    def usage(self, launch: Launch) -> Usage:
        """Requested cores and memory of driver and executors, each pod over its own time."""
        run, pods = self._look(launch)
        now, ended = self._clock.now(), self._ended(run)
        return metering.usage_of(metering.seen(metering.known(run), pods, now=now, ended=ended), now=now, ended=ended)

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        """By the node classes of the settings, else by the book."""
        return pricing.cost(usage, self._settings.nodes, book)

    def owned(self, prefix: str) -> Iterator[Launch]:
        """Every run of the namespace that is listed, by token."""
        selector = f"{names.TOKEN},{names.ROLE}={names.DRIVER}"
        runs = self._api.items(self._kind.at(self._api.namespace), labelSelector=selector)
        for run in sorted(runs, key=lambda run: str(run["metadata"]["name"])):
            if run["metadata"]["name"].startswith(prefix):
                yield self._launch(run)

    def links(self, launch: Launch) -> Mapping[str, str]:
        """Commands, since nothing of a run is published beyond the cluster."""
        where = f"kubectl --namespace {self._api.namespace}"
        pods = f"--selector {names.TOKEN}={launch.token}"
        return {
            "pods": f"{where} get pods {pods}",
            "driver output": f"{where} logs {pods},{names.ROLE}={names.DRIVER}",
            "Spark UI": f"{where} port-forward job/{launch.token} {names.UI_PORT}",
        }

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        """Standard output and error as the container wrote them. At most one look every two seconds while it lives."""
        now_s = self._clock.monotonic_s()
        final = launch.token in self._final
        if not final and now_s < self._quiet_until.get(launch.token, 0.0):
            return LogChunk("", cursor)
        driver = driver_of(self._pods(launch.token))
        chunk = LogChunk("", cursor)
        if driver is not None:
            chunk = logs.next_chunk(self._api, driver, cursor, final=final)
        if not chunk.text:
            self._quiet_until[launch.token] = now_s + _QUIET_S
        return chunk

    def settings(self) -> Mapping[str, object]:
        """As checked; of variables only the names."""
        plain = self._settings.model_dump(mode="json")
        return {**plain, "env": sorted(self._settings.env)}

    def doctor(self) -> Sequence[Check]:
        """Whether the API server answers, what it lets us do, and whether nodes are known."""
        try:
            api = self._api
        except NoCluster as error:
            return (Check("cluster", False, str(error), "set KUBECONFIG, or run inside a pod"),)
        nodes = read_nodes(self._settings.cluster_file or PLATFORM_FILE, api)
        return checks(api, self._kind, nodes, self._settings)

    def _create(self, request: Request) -> dict[str, Any]:
        run = dict(request.body["run"])
        metadata = run["metadata"]
        noted = {**metadata["annotations"], names.REQUEST: request.digest}
        run["metadata"] = {**metadata, "annotations": noted}
        try:
            return self._api.create(self._kind.at(self._api.namespace), run)
        except Taken:
            return self._api.get(self._path(request.token))
        except Missing as error:
            raise SubmitRejected(
                f"engine {NAME}: {error}: is the namespace {self._api.namespace} there, and what the settings ask for?"
            ) from error

    def _attach(self, token: Token, asked: JSON, run: JSON) -> None:
        wanted = attachments.config_map(token, asked, run)
        try:
            self._api.create(CONFIG_MAPS.at(self._api.namespace), wanted)
        except Taken:
            there = self._api.get(CONFIG_MAPS.at(self._api.namespace, token))
            owners = [owner["uid"] for owner in there["metadata"].get("ownerReferences") or ()]
            if run["metadata"]["uid"] not in owners:
                raise PlatformBusy(f"ConfigMap {token} of an earlier run is still being removed: repeat.") from None

    def _look(self, launch: Launch) -> tuple[dict[str, Any], list[JSON]]:
        try:
            run = self._api.get(self._path(launch.token))
        except Missing:
            raise LaunchLost(
                f"engine {NAME}: run {launch.token} is not in namespace {self._api.namespace}: it was deleted, "
                f"its time to live of {self._settings.ttl_s} s is over, or it was launched elsewhere."
            ) from None
        return run, self._pods(launch.token)

    def _pods(self, token: Token) -> list[JSON]:
        return list(self._api.items(PODS.at(self._api.namespace), labelSelector=f"{names.TOKEN}={token}"))

    def _read(self, run: JSON, pods: list[JSON]) -> states.Reading:
        now, patience_s = self._clock.now(), self._settings.unschedulable_after_s
        if self._kind is APPLICATIONS:
            return operator.read_application(run, pods, now=now)
        lost = states.lost_pod(run, pods)
        farewell = tuple(self._events(lost)) if lost is not None else ()
        reading = states.read_job(run, pods, now=now, patience_s=patience_s, farewell=farewell)
        if reading.stuck is None or pods:
            return reading
        refusals = tuple(self._events(run["metadata"]["name"]))
        return states.read_job(run, pods, now=now, patience_s=patience_s, refusals=refusals)

    def _ended(self, run: JSON) -> Any:
        return operator.ended_at(run) if self._kind is APPLICATIONS else finished_at(run)

    def _give_up(self, launch: Launch, failure: Failure, pods: list[JSON]) -> None:
        driver = driver_of(pods)
        events = "\n".join(self._events(driver["metadata"]["name"])) if driver is not None else ""
        plain = {
            "class": failure.failure_class,
            "reason": failure.reason,
            "message": f"{failure.message}\n{events}".strip(),
        }
        self._end(launch, {names.GIVEN_UP: json.dumps(plain)}, self._look(launch)[0], pods)

    def _end(self, launch: Launch, noted: Mapping[str, str], run: JSON, pods: list[JSON]) -> None:
        """Leave the note, put on record what was metered, and have the run's controller end it."""
        held = metering.seen(metering.known(run), pods, now=self._clock.now(), ended=self._ended(run))
        stop = {"suspend": True} if self._kind is APPLICATIONS else {"suspend": False, "activeDeadlineSeconds": 1}
        notes = {**noted, names.METERED: metering.recorded(held)}
        try:
            self._api.patch(self._path(launch.token), {"metadata": {"annotations": notes}, "spec": stop})
        except Missing:
            return

    def _record(self, launch: Launch, run: JSON, pods: list[JSON]) -> None:
        before = metering.known(run)
        held = metering.seen(before, pods, now=self._clock.now(), ended=self._ended(run))
        if held == before or (self._kind is APPLICATIONS and operator.is_being_submitted(run)):
            return
        note = {"metadata": {"annotations": {names.METERED: metering.recorded(held)}}}
        try:
            self._api.patch(self._path(launch.token), note)
        except Missing:
            return

    def _explained(self, failure: Failure, launch: Launch, pods: list[JSON]) -> Failure:
        """With the last lines of the log. An exit code tells nothing of executors that the cluster refused: it does."""
        driver = driver_of(pods)
        if driver is None:
            return replace(failure, detail="\n".join(self._events(launch.token)))
        said = logs.last_lines(self._api, driver, _LINES_READ)
        known = executors.refused(said) if failure.reason == states.EXIT_CODE else None
        lines = "\n".join(said.splitlines()[-_DETAIL_LINES:])
        return replace(known or failure, detail=lines or "\n".join(self._events(driver["metadata"]["name"])))

    def _events(self, name: str) -> Iterator[str]:
        """What the cluster's events say of an object, oldest first; they are kept for an hour."""
        found = self._api.items(EVENTS.at(self._api.namespace), fieldSelector=f"involvedObject.name={name}")
        for event in sorted(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or "")):
            yield f"{event.get('reason')}: {event.get('message')}"

    def _path(self, token: Token) -> str:
        return self._kind.at(self._api.namespace, token)

    def _launch(self, run: JSON) -> Launch:
        submitted_at = time_of(run["metadata"]["creationTimestamp"])
        assert submitted_at is not None, "the API server stamps all that it creates"
        return Launch(
            engine=NAME,
            token=Token(run["metadata"]["name"]),
            native_id=f"{self._api.namespace}/{run['metadata']['name']}",
            submitted_at=submitted_at,
            extras={"namespace": self._api.namespace, "uid": run["metadata"]["uid"]},
        )

"""Executors that the cluster refuses end the run as what they are. The log's lines are Spark 4.2's own, stacks cut."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engineshed.engines.kubernetes import build
from engineshed.engines.kubernetes.executors import refused
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.launch import Launch, Token
from engineshed.model.message import Message
from engineshed.ports.engine import Surroundings
from engineshed.running.transcript import Transcript
from engineshed.running.verdict import judge
from engineshed.testing.clock import VirtualClock

Make = Callable[..., dict[str, Any]]

QUOTA = "exceeded quota: alpha, requested: pods=1, used: pods=3, limited: pods=3"
ACCOUNT = 'error looking up service account team-a/nobody: serviceaccount "nobody" not found'
POD_SECURITY = (
    'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "executor" must set '
    "securityContext.allowPrivilegeEscalation=false)"
)
SURVIVED = "26/11/27 23:50:46 WARN TaskSetManager: Lost task 0.0 in stage 0.0 (TID 0)\n"
GIVEN_UP = "26/11/27 23:50:45 ERROR ExecutorPodsLifecycleManager: Max number of executor failures (4) reached\n"
SHUT_DOWN = "py4j.protocol.Py4JJavaError: Job 0 cancelled because SparkContext was shut down\n"


def not_created(number: int, said: str, status: str = "Forbidden", code: int = 403) -> str:
    pod = f"edges-74509ba21f6b0153-exec-{number}"
    said = f'pods "{pod}" is {status.lower()}: {said}'
    answer = (
        "io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: "
        f"https://kubernetes.default.svc:443/api/v1/namespaces/team-a/pods. Message: {said}. Received status: "
        f"Status(apiVersion=v1, code={code}, details=StatusDetails(causes=[], group=null, kind=pods, name={pod}, "
        "retryAfterSeconds=null, uid=null, additionalProperties={}), kind=Status, "
        f"message={said}, metadata=ListMeta(_continue=null, remainingItemCount=null, resourceVersion=null, "
        f"selfLink=null, additionalProperties={{}}), reason={status}, status=Failure, additionalProperties={{}}).\n"
    )
    stack = (
        "\tat io.fabric8.kubernetes.client.KubernetesClientException.copyAsCause(KubernetesClientException.java:205)"
    )
    return (
        f"26/11/27 23:50:44 ERROR ExecutorPodsAllocator: Failed to create executor pod {number}. "
        f"Total failures: {number}\n{answer}{stack}\nCaused by: {answer}{stack}\n\t... 1 more\n"
    )


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        (QUOTA, "Forbidden", (FailureClass.CAPACITY, "quota_exceeded")),
        (ACCOUNT, "Forbidden", (FailureClass.CONFIGURATION, "pod_refused")),
        (POD_SECURITY, "Forbidden", (FailureClass.CONFIGURATION, "pod_refused")),
        ("spec.containers[0].image: Required value", "Invalid", (FailureClass.CONFIGURATION, "pod_refused")),
    ],
)
def test_the_log_tells_why_the_cluster_refused(said: str, status: str, expected: tuple[FailureClass, str]) -> None:
    found = refused("".join(not_created(n, said, status) for n in range(1, 5)) + GIVEN_UP + SHUT_DOWN)
    assert found is not None
    assert (found.failure_class, found.reason) == expected
    assert said in found.message
    assert "Received status" not in found.message


@pytest.mark.parametrize(
    "log",
    [
        "",
        GIVEN_UP + SHUT_DOWN,
        not_created(1, QUOTA) + SURVIVED + "ValueError: no such column\n",
        "26/11/27 23:50:44 ERROR ExecutorPodsAllocator: Failed to create executor pod 1. Total failures: 1\n"
        "java.net.SocketTimeoutException: timeout\n" + GIVEN_UP,
    ],
)
def test_what_did_not_end_for_a_refusal_is_not_called_one(log: str) -> None:
    assert refused(log) is None


@pytest.fixture
def cluster(job: Make, pod: Make, tmp_path: Path) -> Iterator[Callable[[str, int], Path]]:
    """An API server that has one failed run; told its log and exit code, it gives the kubeconfig that leads there."""
    servers: list[ThreadingHTTPServer] = []

    def serve(log: str, code: int) -> Path:
        ended = {"terminated": {"exitCode": code, "reason": "Error", "finishedAt": "2026-05-01T11:58:00Z"}}
        run = job({"type": "Failed", "reason": "BackoffLimitExceeded", "message": ""})
        pods = {"items": [pod("Failed", state=ended)]}

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers = {"/log": log, "/pods": json.dumps(pods), "/es-1": json.dumps(run)}
                path = self.path.partition("?")[0]
                self._say(next(text for end, text in answers.items() if path.endswith(end)))

            def do_PATCH(self) -> None:
                self._say(json.dumps(run))

            def _say(self, text: str) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Answer))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        where = tmp_path / "kubeconfig"
        here = {"cluster": "it", "user": "we", "namespace": "team-a"}
        server = f"http://127.0.0.1:{servers[-1].server_address[1]}"
        plain = {
            "current-context": "it",
            "contexts": [{"name": "it", "context": here}],
            "clusters": [{"name": "it", "cluster": {"server": server}}],
            "users": [{"name": "we", "user": {}}],
        }
        where.write_text(json.dumps(plain), encoding="utf-8")
        return where

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def failure_of(kubeconfig: Path, *messages: Message) -> Failure:
    """What becomes of the run: the engine's failure, judged with what the driver said of it."""
    surroundings = Surroundings(home=str(kubeconfig.parent), python="python", clock=VirtualClock())
    engine = build({"image": "spark", "kubeconfig": str(kubeconfig)}, surroundings)
    launch = Launch(
        engine="kubernetes", token=Token("es-1"), native_id="es-1", submitted_at=datetime(2026, 5, 1, tzinfo=UTC)
    )
    transcript = Transcript()
    for message in messages:
        transcript.take(message)
    found = judge(engine.status(launch), transcript, (), sealed_in_store=False).failure
    assert found is not None
    return found


ECHO = {"name": "Py4JJavaError", "message": "Job 0 cancelled because SparkContext was shut down"}
CLOSED = Message(1, "closed", {"exception": ECHO})


def test_a_full_quota_is_no_fault_of_the_script(cluster: Callable[[str, int], Path]) -> None:
    log = "".join(not_created(n, QUOTA) for n in range(1, 7)) + GIVEN_UP + SHUT_DOWN * 100
    found = failure_of(cluster(log, 1), CLOSED)
    assert (found.failure_class, found.reason) == (FailureClass.CAPACITY, "quota_exceeded")
    assert QUOTA in found.message
    assert "SparkContext was shut down" in found.detail


def test_an_exception_after_a_refusal_that_was_survived_is_the_scripts(cluster: Callable[[str, int], Path]) -> None:
    found = failure_of(cluster(not_created(1, QUOTA) + SURVIVED, 1), CLOSED)
    assert (found.failure_class, found.reason) == (FailureClass.USER_CODE, "driver_exception")


def test_a_killed_driver_was_killed_whatever_its_log_says(cluster: Callable[[str, int], Path]) -> None:
    found = failure_of(cluster(not_created(1, QUOTA) + GIVEN_UP, 137))
    assert (found.failure_class, found.reason) == (FailureClass.PLATFORM, "killed")
    assert "Max number of executor failures" in found.detail

"""A hundred random workspaces: whatever is asked and whatever goes wrong, states go forward and books add up."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.integration.databricks.clients import Workspace, open_workspace, task

from engineshed.testing.databricks import DatabricksDouble, Faults, RunFault, RunTrouble, Script, TaskRun, raised

SEEDS = 100
ORDER = {"QUEUED": 0, "PENDING": 1, "RUNNING": 2, "TERMINATING": 3, "TERMINATED": 4}


def random_cluster(chance: random.Random) -> dict[str, Any]:
    least, most = sorted((chance.randint(0, 4), chance.randint(0, 6)))
    size = (
        {"autoscale": {"min_workers": least, "max_workers": most}} if chance.random() < 0.4 else {"num_workers": least}
    )
    availability = chance.choice(["SPOT", "SPOT_WITH_FALLBACK", "ON_DEMAND"])
    attributes = {"availability": availability, "first_on_demand": chance.randint(0, 1)}
    kind = chance.choice(["m5.large", "i3.xlarge"])
    return {"spark_version": "15.4.x-scala2.12", "node_type_id": kind, "aws_attributes": attributes, **size}


def random_faults(chance: random.Random) -> Faults:
    """The loss of machines is likeliest, since it is what books can get wrong."""
    troubles = [t for t in RunTrouble if t is not RunTrouble.RUN_DELETED] + [RunTrouble.NODES_LOST] * 10
    faults = (
        RunFault(
            trouble=chance.choice(troubles),
            after=chance.randint(0, 1),
            times=chance.randint(0, 1),
            at_s=chance.uniform(0, 400),
            workers=chance.randint(1, 3),
            code="DRIVER_ERROR",
        )
        for _ in range(chance.randint(0, 3))
    )
    return Faults(runs=tuple(faults))


def random_script(chance: random.Random) -> Script:
    ends = {} if chance.random() < 0.8 else {"ends": raised("ValueError: no", "...")}
    return Script(lasts_s=chance.uniform(1, 2000), **ends)


def watch(workspace: Workspace, run_ids: Sequence[int], chance: random.Random) -> None:
    """Polls at random times until all are over; each run only goes forward."""
    seen = dict.fromkeys(run_ids, 0)
    for _ in range(200):
        workspace.double.clock.sleep(chance.choice([1, 30, 120, 400]))
        if chance.random() < 0.05:
            workspace.client.jobs.cancel_run(chance.choice(run_ids))
        for run_id in run_ids:
            state = workspace.run(run_id)["status"]["state"]
            assert ORDER[state] >= seen[run_id]
            seen[run_id] = ORDER[state]
        if all(state == ORDER["TERMINATED"] for state in seen.values()):
            return
    raise AssertionError(f"a run does not end: {seen}")


def check_run(workspace: Workspace, run: Mapping[str, Any]) -> None:
    result, details = run["state"]["result_state"], run["status"]["termination_details"]
    assert (result == "SUCCESS") == (details["code"] == "SUCCESS") == (details["type"] == "SUCCESS")
    assert run["start_time"] <= run["end_time"]
    (only,) = run["tasks"]
    parts = only["setup_duration"] + only["execution_duration"] + only["cleanup_duration"]
    assert abs(parts - only["run_duration"]) <= 2 or not only["execution_duration"]
    if "cluster_instance" in only:
        check_cluster(workspace, run["run_id"])


def check_cluster(workspace: Workspace, run_id: int) -> None:
    """The books agree with what can be told from the events alone."""
    events = workspace.events(run_id)
    moments = [event["timestamp"] for event in events]
    assert moments == sorted(moments)
    assert events[0]["type"] == "CREATING"
    assert events[-1]["type"] == "TERMINATING"
    spans = workspace.double.books.spans(run_id)
    running = [event for event in events if event["type"] == "RUNNING"]
    assert bool(running) <= any(span.driver for span in spans)
    over = moments[-1] + 30_000
    for span in spans:
        assert span.end is not None
        assert moments[0] <= span.start.timestamp() * 1000 <= span.end.timestamp() * 1000 <= over + 1
    assert_workers(events, spans, over)


def assert_workers(events: Sequence[Mapping[str, Any]], spans: Sequence[Any], over: int) -> None:
    """Worker-seconds by the counts that events tell, against the sum of spans."""
    told, count, since = Decimal(0), 0, events[0]["timestamp"]
    for event in [*events, {"timestamp": over, "type": "END", "details": {}}]:
        told += count * Decimal(event["timestamp"] - since) / 1000
        since = event["timestamp"]
        if event["type"] in ("UPSIZE_COMPLETED", "NODES_LOST"):
            count = event["details"]["current_num_workers"]
    booked = sum((Decimal((s.end - s.start).total_seconds()) for s in spans if not s.driver), Decimal(0))
    assert abs(told - booked) < Decimal("0.1")


def test_states_go_forward_and_books_add_up() -> None:
    with DatabricksDouble() as double:
        workspace = open_workspace(double)
        ends: dict[str, int] = {}
        lost = 0
        for seed in range(SEEDS):
            chance = random.Random(seed)
            lives: dict[int, Script] = {}

            def script(task: TaskRun, chance: random.Random = chance, lives: dict[int, Script] = lives) -> Script:
                return lives.setdefault(task.run_id, random_script(chance))

            double.renew(random_faults(chance), script)
            run_ids = []
            for number in range(chance.randint(1, 3)):
                body = {"idempotency_token": f"es-{seed}-{number}", "timeout_seconds": chance.choice([0, 0, 900])}
                run_ids.append(workspace.submit(task(new_cluster=random_cluster(chance)), **body))
                assert workspace.submit(task(), **body) == run_ids[-1]
            watch(workspace, run_ids, chance)
            double.clock.sleep(31)
            assert not double.books.billing_now()
            assert list(double.books.submissions) == run_ids
            for run_id in run_ids:
                run = workspace.run(run_id)
                check_run(workspace, run)
                if "cluster_instance" in run["tasks"][0]:
                    lost += sum(event["type"] == "NODES_LOST" for event in workspace.events(run_id))
                code = run["status"]["termination_details"]["code"]
                ends[code] = ends.get(code, 0) + 1
        assert len(ends) >= 8, ends
        assert lost >= 20

"""The engine over real HTTP against an account in trouble, in virtual time: nothing runs twice or goes on unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.contract.emr_accounts import DRIVER, SmallBook

from engineshed.engines.emr import build
from engineshed.model.errors import AccessDenied, LaunchLost, PlatformBusy, SubmitRejected
from engineshed.model.failure import FailureClass
from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.offer import Offer
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.status import State, Status
from engineshed.model.wiring import Wiring
from engineshed.ports.engine import Engine, Surroundings
from engineshed.running.staging import Staging
from engineshed.storage.objects import open_store
from engineshed.testing.emr import (
    CallFault,
    CallTrouble,
    ClusterFault,
    ClusterTrouble,
    EmrDouble,
    Faults,
    Neighbours,
    Prices,
    Script,
)

EXCHANGE = "s3://jobs/exchange"


@pytest.fixture(scope="module")
def neighbours() -> Iterator[Neighbours]:
    with Neighbours() as one:
        one.make_bucket("jobs")
        yield one


class World:
    """An account in virtual time, an engine on it, and a job for it."""

    def __init__(self, neighbours: Neighbours, folder: Path, faults: Faults, **settings: Any) -> None:
        self.double = EmrDouble(neighbours=neighbours, faults=faults, scripts=Script(lasts_s=600))
        access = {"endpoint_url": neighbours.endpoint_url, "region": "us-east-1"}
        self.exchange = open_store(EXCHANGE, access)
        surroundings = Surroundings(
            home=str(folder),
            python="",
            clock=self.double.clock,
            exchange=self.exchange,
            exchange_access=access,
        )
        self.engine: Engine = build(
            {"region": "us-east-1", "endpoint_url": self.double.endpoint_url, **settings}, surroundings
        )
        script = folder / "edges.py"
        script.write_text("print('payload')\n")
        self.job = SparkJob(name="edges", script=str(script), resources=Resources(executors=6, executor_memory_gib=4))

    def request(self, market: str = "on demand") -> Request:
        offers = [o for o in self.engine.offers(self.job, SmallBook()) if isinstance(o, Offer)]
        offer = next(o for o in offers if market in o.name)
        token = Token(f"es-{uuid4().hex[:24]}")
        work = Work(
            job=self.job,
            offer=offer,
            token=token,
            wiring=Wiring(channel="objects", address=f"{EXCHANGE}/channels/{token}", arguments=("--x", "y")),
            staged=Staging(self.exchange, DRIVER).stage(self.job),
            tags={"engineshed/token": str(token)},
        )
        return self.engine.render(work)

    def final(self, launch: Launch) -> Status:
        for _ in range(500):
            status = self.engine.status(launch)
            if status.state.final:
                return status
            self.double.clock.sleep(30)
        pytest.fail("it does not end")

    def settled(self) -> None:
        self.double.clock.sleep(1200)


@pytest.fixture
def world(neighbours: Neighbours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., World]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    made: list[World] = []

    def make(faults: Faults | None = None, **settings: Any) -> World:
        made.append(World(neighbours, tmp_path, faults or Faults(), **settings))
        return made[-1]

    yield make
    for one in made:
        assert one.double.bugs == []
        one.double.close()


def test_a_lost_reply_makes_no_second_cluster(world: Callable[..., World]) -> None:
    one = world(Faults(calls=(CallFault(on="RunJobFlow", trouble=CallTrouble.LOST_REPLY),)))
    request = one.request()
    with pytest.raises(PlatformBusy):
        one.engine.submit(request)
    launch = one.engine.submit(request)
    assert one.engine.find(request.token) == launch
    assert len(one.double.submissions) == 1
    assert one.final(launch).state is State.SUCCEEDED


def test_a_request_that_never_arrived_is_sent_again(world: Callable[..., World]) -> None:
    one = world(Faults(calls=(CallFault(on="RunJobFlow", trouble=CallTrouble.LOST_REQUEST),)))
    request = one.request()
    with pytest.raises(PlatformBusy):
        one.engine.submit(request)
    assert one.engine.find(request.token) is None
    assert one.final(one.engine.submit(request)).state is State.SUCCEEDED
    assert len(one.double.submissions) == 1


@pytest.mark.parametrize("trouble", [CallTrouble.THROTTLED, CallTrouble.INTERNAL, CallTrouble.UNAVAILABLE])
def test_a_look_that_fails_is_to_be_repeated(world: Callable[..., World], trouble: CallTrouble) -> None:
    one = world()
    launch = one.engine.submit(one.request())
    one.double.plan(Faults(calls=(CallFault(on="DescribeStep", trouble=trouble, times=3),)))
    for _ in range(3):
        with pytest.raises(PlatformBusy):
            one.engine.status(launch)
    assert one.final(launch).state is State.SUCCEEDED


def test_credentials_that_ran_out_are_read_anew(world: Callable[..., World]) -> None:
    one = world()
    launch = one.engine.submit(one.request())
    one.double.plan(Faults(calls=(CallFault(on="DescribeStep", trouble=CallTrouble.EXPIRED),)))
    assert not one.engine.status(launch).state.final
    one.double.plan(Faults(calls=(CallFault(on="DescribeStep", trouble=CallTrouble.EXPIRED, times=0),)))
    with pytest.raises(AccessDenied, match="run out"):
        one.engine.status(launch)


def test_denied_is_said_at_once(world: Callable[..., World]) -> None:
    one = world(Faults(calls=(CallFault(on="RunJobFlow", trouble=CallTrouble.DENIED),)))
    with pytest.raises(AccessDenied):
        one.engine.submit(one.request())


@pytest.mark.parametrize(
    ("fault", "failure_class"),
    [
        (ClusterFault(trouble=ClusterTrouble.NO_CAPACITY), FailureClass.CAPACITY),
        (ClusterFault(trouble=ClusterTrouble.BOOTSTRAP), FailureClass.CONFIGURATION),
        (ClusterFault(trouble=ClusterTrouble.INTERNAL), FailureClass.PLATFORM),
        (ClusterFault(trouble=ClusterTrouble.MASTER_LOST, at_s=60), FailureClass.CAPACITY),
    ],
    ids=lambda value: str(getattr(value, "trouble", value)),
)
def test_a_cluster_that_fails_is_told_by_its_class(
    world: Callable[..., World], fault: ClusterFault, failure_class: FailureClass
) -> None:
    one = world(Faults(clusters=(fault,)))
    status = one.final(one.engine.submit(one.request()))
    assert status.failure is not None
    assert status.failure.failure_class is failure_class, status.failure
    one.settled()
    assert one.double.billing_now() == []


def test_a_cluster_that_emr_forgot_is_lost(world: Callable[..., World]) -> None:
    one = world(Faults(clusters=(ClusterFault(trouble=ClusterTrouble.FORGOTTEN, at_s=60),)))
    launch = one.engine.submit(one.request())
    one.double.clock.sleep(3600)
    with pytest.raises(LaunchLost, match=launch.token):
        one.engine.status(launch)
    one.engine.cancel(launch)


def test_a_person_who_ends_the_cluster_cancels_the_run(world: Callable[..., World]) -> None:
    one = world(Faults(clusters=(ClusterFault(trouble=ClusterTrouble.ENDED_BY_PERSON, at_s=60),)))
    assert one.final(one.engine.submit(one.request())).state is State.CANCELLED


@pytest.mark.parametrize("after_s", [0, 200, 600])
def test_a_cancel_lands_whenever_it_is_asked(world: Callable[..., World], after_s: float) -> None:
    one = world()
    launch = one.engine.submit(one.request())
    one.double.clock.sleep(after_s)
    one.engine.cancel(launch)
    one.engine.cancel(launch)
    assert one.final(launch).state is State.CANCELLED
    one.settled()
    assert one.double.billing_now() == []


@pytest.mark.parametrize(
    ("market", "faults"),
    [
        ("on demand", Faults()),
        ("spot", Faults()),
        ("spot", Faults(clusters=(ClusterFault(trouble=ClusterTrouble.SPOT_LOSS, at_s=120),))),
    ],
)
def test_the_bill_is_the_accounts(world: Callable[..., World], market: str, faults: Faults) -> None:
    one = world(faults)
    launch = one.engine.submit(one.request(market))
    one.final(launch)
    one.settled()
    usage = one.engine.usage(launch)
    assert usage.complete
    book = SmallBook()
    kinds = [kind.name for kind in book.instances("emr")]
    prices = Prices(
        compute={
            (kind, theirs): book.price(f"ec2:{kind}", ours).usd_per_hour
            for kind in kinds
            for theirs, ours in (("ON_DEMAND", "on_demand"), ("SPOT", "spot"))
        },
        surcharge={kind: book.price(f"emr:{kind}").usd_per_hour for kind in kinds},
        ebs_gib_month=Decimal(0),
    )
    ours, theirs = one.engine.cost(usage, book), one.double.cost(prices)
    assert theirs.compute > 0
    assert abs(ours.compute_usd - theirs.compute) <= theirs.compute / 100
    assert abs(ours.surcharge_usd - theirs.surcharge) <= theirs.surcharge / 100
    assert ours.storage_usd > 0


def test_an_existing_cluster_goes_on_after_its_run_was_cancelled(world: Callable[..., World]) -> None:
    one = world()
    keeper = one.request().body["cluster"]
    keeper = {
        **keeper,
        "Name": "kept",
        "Steps": [],
        "Instances": {**keeper["Instances"], "KeepJobFlowAliveWhenNoSteps": True},
    }
    keeper.pop("AutoTerminationPolicy")
    kept = one.double.client().run_job_flow(**keeper)["JobFlowId"]
    one.double.clock.sleep(900)
    one.job = replace(one.job, engine_settings={"emr": {"cluster": kept}})
    request = one.request(kept)
    launch = one.engine.submit(request)
    assert one.engine.submit(request) == launch
    one.double.clock.sleep(60)
    one.engine.cancel(launch)
    assert one.final(launch).state is State.CANCELLED
    assert one.double.client().describe_cluster(ClusterId=kept)["Cluster"]["Status"]["State"] == "WAITING"
    assert one.engine.cost(one.engine.usage(launch), SmallBook()).total_usd == 0


def test_a_cluster_that_does_not_exist_is_refused(world: Callable[..., World]) -> None:
    one = world()
    one.job = replace(one.job, engine_settings={"emr": {"cluster": "j-NOBODY"}})
    with pytest.raises(SubmitRejected, match="name a cluster that runs"):
        one.engine.submit(one.request("j-NOBODY"))

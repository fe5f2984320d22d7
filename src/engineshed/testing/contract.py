"""The contract of an engine as tests: what the route relies on, and so what every engine must do.

An engine's author subclasses `EngineContract` and gives it a fixture `bench`:

    class TestMine(EngineContract):
        @pytest.fixture
        def bench(self, tmp_path: Path) -> Bench:
            return Bench(builder="mine.engine:build", channel=..., folder=tmp_path)

What an engine does not declare in its capabilities is skipped, saying so. Nothing here knows an engine by name.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from engineshed.model.errors import LaunchLost
from engineshed.model.failure import FailureClass
from engineshed.model.launch import Launch
from engineshed.model.offer import Offer
from engineshed.model.request import Request
from engineshed.model.status import State
from engineshed.ports.engine import Engine
from engineshed.testing.bench import Bench

LONG = "time.sleep(600)\n"
SOON = "time.sleep(1)\n"
MESSAGES = 500

_SPEAKS = f"""
from dagster_pipes import open_dagster_pipes
with open_dagster_pipes() as pipes:
    for number in range({MESSAGES}):
        pipes.report_custom_message({{"number": number}})
"""

_SPARK = """
import engineshed_driver
with engineshed_driver.open_job(app_name="contract") as job:
    frame = job.session.range(1000).selectExpr("id % 7 as rest").groupBy("rest").count()
    job.write("counts", frame)
    job.report({"rests": frame.count()})
"""


class EngineContract:
    """Every line of `engineshed.ports.engine.Engine`, checked on a real engine."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        """The engine under test."""
        raise NotImplementedError("give this class a fixture `bench`: see engineshed.testing.bench.Bench")

    def test_offers_are_its_own(self, bench: Bench) -> None:
        engine = bench.engine()
        answers = engine.offers(bench.work().job, bench.book)
        assert answers
        assert {answer.engine for answer in answers} == {engine.name}
        assert json.loads(json.dumps([dict(a.shape) for a in answers if isinstance(a, Offer)]))

    def test_render_is_pure(self, bench: Bench) -> None:
        engine, work = bench.engine(), bench.work()
        before = deepcopy(work)
        first = engine.render(work)
        with _nothing_outside():
            second = engine.render(work)
        assert second == first
        assert second == bench.engine().render(work)
        assert work == before

    def test_a_request_is_json_and_names_its_token(self, bench: Bench) -> None:
        work = bench.work()
        request = bench.engine().render(work)
        plain = json.loads(request.canonical())
        assert (request.engine, request.token) == (bench.engine().name, work.token)
        assert Request(plain["engine"], plain["token"], plain["body"]).digest == request.digest

    def test_a_second_submit_is_the_same_launch(self, bench: Bench) -> None:
        engine, work = bench.engine(), bench.work()
        request = engine.render(work)
        first = engine.submit(request)
        assert engine.submit(request) == first
        assert bench.final(engine, first).state is State.SUCCEEDED
        assert engine.submit(request) == first
        assert bench.runs_of(work.token) == 1

    def test_eight_submits_at_once_are_one_run(self, bench: Bench) -> None:
        work = bench.work(SOON)
        request = bench.engine().render(work)
        launchers = [bench.start_submitter(request) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            launches = list(pool.map(lambda _: bench.engine().submit(request), range(4)))
        natives = {launcher.communicate()[0].strip() for launcher in launchers}
        assert natives == {launches[0].native_id}
        assert all(launch == launches[0] for launch in launches)
        assert bench.final(bench.engine(), launches[0]).state is State.SUCCEEDED
        assert bench.runs_of(work.token) == 1

    def test_a_run_whose_reply_was_lost_is_found(self, bench: Bench) -> None:
        engine, work = bench.engine(), bench.work(SOON)
        launcher = bench.submit_elsewhere(engine.render(work))
        _kill(launcher.pid)
        launcher.communicate()
        found = engine.find(work.token)
        assert found is not None
        assert (found.engine, found.token) == (engine.name, work.token)
        assert engine.submit(engine.render(work)) == found
        assert bench.final(engine, found).state is State.SUCCEEDED
        assert bench.runs_of(work.token) == 1

    def test_a_token_never_submitted_is_not_found(self, bench: Bench) -> None:
        assert bench.engine().find(bench.token()) is None

    def test_status_of_a_forgotten_run_raises(self, bench: Bench) -> None:
        forgotten = self._forgotten(bench)
        with pytest.raises(LaunchLost, match=str(forgotten.token)):
            bench.engine().status(forgotten)
        with pytest.raises(LaunchLost):
            bench.engine().usage(forgotten)

    def test_cancel_lands_without_waiting_and_may_be_repeated(self, bench: Bench) -> None:
        engine, work = bench.engine(), bench.work(LONG)
        launch = engine.submit(engine.render(work))
        bench.wait_until(lambda: bench.runs_of(work.token) == 1, "the script's start")
        asked = time.monotonic()
        engine.cancel(launch)
        engine.cancel(launch)
        assert time.monotonic() - asked < 5
        assert bench.final(engine, launch).state is State.CANCELLED
        engine.cancel(launch)
        assert engine.status(launch).state is State.CANCELLED

    def test_cancel_of_a_run_that_is_over_or_gone_is_no_error(self, bench: Bench) -> None:
        engine = bench.engine()
        launch = engine.submit(engine.render(bench.work()))
        bench.final(engine, launch)
        engine.cancel(launch)
        assert engine.status(launch).state is State.SUCCEEDED
        engine.cancel(self._forgotten(bench))

    def test_an_engine_built_anew_goes_on_watching(self, bench: Bench) -> None:
        work = bench.work(SOON)
        first = bench.engine()
        launch = first.submit(first.render(work))
        successor = bench.engine()
        assert successor.find(work.token) == launch
        status = bench.final(successor, launch)
        assert status.state is State.SUCCEEDED
        assert status.started_at is not None
        assert status.ended_at is not None
        assert status.started_at < status.ended_at

    def test_a_run_outlives_its_launcher(self, bench: Bench) -> None:
        engine, work = bench.engine(), bench.work(SOON + "print('outlived')\n")
        if not engine.capabilities.outlives_launcher:
            pytest.skip(f"{engine.name} does not declare outlives_launcher")
        launcher = bench.submit_elsewhere(engine.render(work))
        _kill(launcher.pid)
        launcher.communicate()
        launch = engine.find(work.token)
        assert launch is not None
        assert bench.final(engine, launch).state is State.SUCCEEDED
        assert bench.runs_of(work.token) == 1

    def test_messages_are_complete_and_in_order(self, bench: Bench) -> None:
        engine, work = bench.engine(), bench.work(_SPEAKS)
        assert work.wiring.channel in engine.capabilities.transports
        launch = engine.submit(engine.render(work))
        messages = bench.messages(work)
        assert bench.final(engine, launch).state is State.SUCCEEDED
        numbers = [m.params["payload"]["number"] for m in messages if m.method == "report_custom_message"]
        assert numbers == list(range(MESSAGES))
        assert [m.sequence for m in messages] == list(range(1, len(messages) + 1))

    def test_a_failure_says_class_and_detail(self, bench: Bench) -> None:
        engine = bench.engine()
        launch = engine.submit(engine.render(bench.work("raise RuntimeError('no such crawl')\n")))
        status = bench.final(engine, launch)
        assert status.state is State.FAILED
        assert status.failure is not None
        assert status.failure.failure_class is FailureClass.USER_CODE
        assert status.failure.reason
        if engine.capabilities.logs_late_s:
            bench.wait_until(lambda: "no such crawl" in _detail(engine, launch), "the failure's detail")
            return
        assert "no such crawl" in status.failure.detail

    def test_a_run_over_its_time_limit_is_ended(self, bench: Bench) -> None:
        engine = bench.engine()
        launch = engine.submit(engine.render(bench.work(LONG, timeout_s=1.0)))
        status = bench.final(engine, launch)
        assert status.state in (State.FAILED, State.CANCELLED)
        if engine.capabilities.logs_late_s:
            bench.wait_until(lambda: _reason(engine, launch) in ("", "timeout"), "the failure's reason")
            return
        assert status.failure is None or status.failure.reason == "timeout"

    def test_usage_spans_the_run_and_has_a_cost(self, bench: Bench) -> None:
        engine = bench.engine()
        before = datetime.now(UTC) - timedelta(seconds=1)
        launch = engine.submit(engine.render(bench.work(SOON)))
        bench.final(engine, launch)
        bench.wait_until(lambda: engine.usage(launch).complete, "complete usage")
        usage = engine.usage(launch)
        assert usage.intervals
        for interval in usage.intervals:
            assert before <= interval.start <= interval.end <= datetime.now(UTC) + timedelta(seconds=1)
            assert interval.quantity > 0
        assert usage.hours * 3600 >= 1
        cost = engine.cost(usage, bench.book)
        assert cost == engine.cost(usage, bench.book)
        assert cost.total_usd >= 0

    def test_owned_lists_those_of_the_prefix_alone(self, bench: Bench) -> None:
        engine = bench.engine()
        prefix = bench.token()[3:11]
        tokens = {bench.token(prefix) for _ in range(2)}
        for token in (*tokens, bench.token()):
            bench.final(engine, engine.submit(engine.render(bench.work(token=token))))
        assert {launch.token for launch in bench.engine().owned("es-" + prefix)} == tokens

    def test_logs_hold_all_that_the_driver_said(self, bench: Bench) -> None:
        engine = bench.engine()
        if not engine.capabilities.logs:
            pytest.skip(f"{engine.name} does not declare logs")
        launch = engine.submit(
            engine.render(bench.work("print('straße ' * 30_000)\nprint('wrong', file=sys.stderr)\n"))
        )
        bench.final(engine, launch)
        texts: list[str] = []
        cursor = ""

        def whole() -> bool:
            """Read on from the cursor: a platform that delivers late may deliver the beginning first."""
            nonlocal cursor
            while (chunk := engine.logs(launch, cursor)).text:
                assert len(chunk.text.encode()) <= 64 * 1024
                texts.append(chunk.text)
                cursor = chunk.cursor
            return "".join(texts).count("straße ") >= 30_000 and "wrong" in "".join(texts)

        if engine.capabilities.logs_late_s:
            bench.wait_until(whole, "the whole output")
        else:
            whole()
        text = "".join(texts)
        assert text.count("straße ") == 30_000
        assert "wrong" in text

    def test_what_people_see_holds_plain_values(self, bench: Bench) -> None:
        engine = bench.engine()
        launch = engine.submit(engine.render(bench.work()))
        bench.final(engine, launch)
        assert all(engine.links(launch).values())
        assert json.dumps(dict(engine.settings()))
        checks = engine.doctor()
        assert checks
        assert all(check.fact for check in checks)
        assert all(check.remedy for check in checks if not check.ok)

    def test_a_spark_job_runs_and_seals_its_table(self, bench: Bench) -> None:
        if bench.driver is None:
            pytest.skip("the bench has no engineshed_driver.py")
        output = bench.folder / "out"
        token = bench.token()
        work = bench.work(_SPARK, token=token, extras={"engineshed": _job_context(token, str(output))})
        engine = bench.engine()
        launch = engine.submit(engine.render(work))
        status = bench.final(engine, launch)
        assert status.state is State.SUCCEEDED, status.failure
        payloads = [m.params["payload"] for m in bench.messages(work) if m.method == "report_custom_message"]
        assert any("engineshed/seal" in payload for payload in payloads)
        assert any(payload.get("engineshed/report") == {"rests": 7} for payload in payloads)
        assert list((output / "counts").glob("*.parquet"))

    @staticmethod
    def _forgotten(bench: Bench) -> Launch:
        token = bench.token()
        return Launch(engine=bench.engine().name, token=token, native_id=str(token), submitted_at=datetime.now(UTC))


def _job_context(token: str, output: str) -> dict[str, object]:
    return {
        "token": token,
        "mode": "sample",
        "job": "contract",
        "settings": {},
        "tables": ["counts"],
        "staged": "",
        "partition": {"keys": [], "by_key": {}, "windows": {}, "key_range": None},
        "inputs": {},
        "outputs": {"": output},
    }


def _kill(process_group: int) -> None:
    os.killpg(process_group, signal.SIGKILL)


_OUTSIDE = (
    "open",
    "socket.",
    "subprocess.",
    "os.listdir",
    "os.scandir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "urllib.",
)
_guard = threading.local()


@contextmanager
def _nothing_outside() -> Iterator[None]:
    """Files, processes and the network raise in the block, whichever library reaches for them."""
    _install_guard()
    _guard.closed = True
    try:
        yield
    finally:
        _guard.closed = False


@cache
def _install_guard() -> None:
    # An audit hook cannot be taken off again, so there is one for good, which looks away outside the block.
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: object) -> None:
    if getattr(_guard, "closed", False) and event.startswith(_OUTSIDE):
        raise AssertionError(f"render reached outside: {event} {arguments}")


def _detail(engine: Engine, launch: Launch) -> str:
    failure = engine.status(launch).failure
    return failure.detail if failure is not None else ""


def _reason(engine: Engine, launch: Launch) -> str:
    failure = engine.status(launch).failure
    return failure.reason if failure is not None else ""

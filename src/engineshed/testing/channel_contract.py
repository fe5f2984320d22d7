"""The contract of a channel as tests: what the route relies on, and so what every transport must do.

A channel's author subclasses `ChannelContract` and gives it a fixture `channel`, and `imports`, `writer` and `env`
where drivers need more than their wiring to speak:

    class TestMine(ChannelContract):
        @pytest.fixture
        def channel(self, tmp_path: Path) -> Channel:
            return MyChannel(tmp_path)
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from engineshed.model.launch import TOKEN_PREFIX, Token
from engineshed.model.message import Batch, Message
from engineshed.ports.channel import Channel, Reader

PATIENCE_S = 30.0

CONTEXT: Mapping[str, Any] = {
    "asset_keys": ["pages"],
    "code_version_by_asset_key": {"pages": None},
    "provenance_by_asset_key": {"pages": None},
    "partition_key": None,
    "partition_key_range": None,
    "partition_time_window": None,
    "run_id": "run",
    "job_name": None,
    "retry_number": 0,
    "extras": {"word": "first"},
}

_COUNTS = "for number in range({}): pipes.report_custom_message(number)"


def numbers(batch: Batch) -> list[Any]:
    """The payloads of the custom messages of a batch."""
    return [message.params["payload"] for message in batch.messages if message.method == "report_custom_message"]


class ChannelContract:
    """Every line of `engineshed.ports.channel`, checked on a real transport with real drivers.

    imports: what the driver imports besides dagster_pipes. writer: expression of its message writer. env: variables
    that it needs besides the wiring's (import path, credentials).
    """

    imports: ClassVar[str] = "os"
    writer: ClassVar[str] = "dagster_pipes.PipesDefaultMessageWriter()"
    env: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def channel(self) -> Channel:
        """The channel under test."""
        raise NotImplementedError("give this class a fixture `channel`")

    @pytest.fixture
    def token(self) -> Token:
        """A token that no other test has."""
        return Token(TOKEN_PREFIX + uuid4().hex[:24])

    def speak(self, body: str, *, env: Mapping[str, str], arguments: Sequence[str] = ()) -> int:
        """Run a driver: `body` speaks through `pipes`, a stock Pipes context. Returns its exit code."""
        loader = "PipesCliArgsParamsLoader" if arguments else "PipesEnvVarParamsLoader"
        opening = f"params_loader=dagster_pipes.{loader}(), message_writer={self.writer}"
        lines = [
            f"import os, dagster_pipes, {self.imports}",
            f"with dagster_pipes.open_dagster_pipes({opening}) as pipes:",
            *(f"    {line}" for line in body.splitlines()),
        ]
        variables = [f"{name}={value}" for name, value in {**self.env, **env}.items()]
        command = ["env", *variables, sys.executable, "-c", "\n".join(lines), *arguments]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode

    def test_nothing_said_is_no_error(self, channel: Channel, token: Token) -> None:
        batch = channel.reader(channel.prepare(token, CONTEXT).address).poll("")
        assert (batch.messages, batch.closed, batch.damaged) == ((), False, 0)

    def test_all_arrives_in_order_and_ends_closed(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak(_COUNTS.format(500), env=wiring.env)
        batch = _all(channel.reader(wiring.address))
        assert [message.method for message in batch.messages[:1] + batch.messages[-1:]] == ["opened", "closed"]
        assert numbers(batch) == list(range(500))
        assert [message.sequence for message in batch.messages] == list(range(1, 503))

    def test_the_wiring_also_goes_by_arguments(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak("pipes.report_custom_message(pipes.get_extra('word'))", env={}, arguments=wiring.arguments)
        assert numbers(_all(channel.reader(wiring.address))) == ["first"]

    def test_a_second_prepare_changes_nothing(self, channel: Channel, token: Token) -> None:
        first = channel.prepare(token, CONTEXT)
        second = channel.prepare(token, {**CONTEXT, "extras": {"word": "second"}})
        assert second == first
        self.speak("pipes.report_custom_message(pipes.get_extra('word'))", env=second.env)
        assert numbers(_all(channel.reader(first.address))) == ["first"]

    def test_what_was_said_survives_a_second_prepare(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak(_COUNTS.format(3), env=wiring.env)
        assert numbers(_all(channel.reader(channel.prepare(token, CONTEXT).address))) == [0, 1, 2]

    def test_a_cursor_gives_the_same_again(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak(_COUNTS.format(20), env=wiring.env)
        assert _all(channel.reader(wiring.address)) == _all(channel.reader(wiring.address))

    def test_a_successor_goes_on_from_the_cursor(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak("pipes.report_custom_message('said'); pipes.log.info('x'); os._exit(9)", env=wiring.env)
        before = _all(channel.reader(wiring.address), closed=False, count=3)
        self.speak("pipes.report_custom_message('later')", env=wiring.env)
        after = _all(channel.reader(wiring.address), cursor=before.cursor)
        assert (numbers(before), numbers(after)) == (["said"], ["later"])
        assert after.messages[0].sequence == before.messages[-1].sequence + 1

    def test_closed_is_still_known_at_the_end(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak("pass", env=wiring.env)
        end = _all(channel.reader(wiring.address))
        again = channel.reader(wiring.address).poll(end.cursor)
        assert (again.messages, again.closed, again.cursor) == ((), True, end.cursor)

    def test_an_exception_arrives_whole(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        assert self.speak("raise ValueError('boom')", env=wiring.env) != 0
        closed = _all(channel.reader(wiring.address)).messages[-1]
        assert closed.params["exception"]["name"] == "ValueError"
        assert "boom" in closed.params["exception"]["message"]

    def test_a_driver_that_dies_has_not_closed(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        assert self.speak("os._exit(9)", env=wiring.env) == 9
        assert [message.method for message in channel.reader(wiring.address).poll("").messages][:1] in ([], ["opened"])
        assert not channel.reader(wiring.address).poll("").closed

    def test_a_megabyte_arrives_whole(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak("pipes.report_custom_message('\u00e9\\n' * 500_000)", env=wiring.env)
        assert numbers(_all(channel.reader(wiring.address))) == ["\u00e9\n" * 500_000]

    def test_tokens_do_not_mix(self, channel: Channel, token: Token) -> None:
        other = Token(TOKEN_PREFIX + uuid4().hex[:24])
        mine, its = channel.prepare(token, CONTEXT), channel.prepare(other, CONTEXT)
        self.speak("pipes.report_custom_message('its')", env=its.env)
        self.speak("pipes.report_custom_message('mine')", env=mine.env)
        assert numbers(_all(channel.reader(mine.address))) == ["mine"]

    def test_remove_leaves_nothing_and_may_be_repeated(self, channel: Channel, token: Token) -> None:
        wiring = channel.prepare(token, CONTEXT)
        self.speak("pass", env=wiring.env)
        channel.remove(wiring.address)
        channel.remove(wiring.address)
        assert channel.reader(channel.prepare(token, CONTEXT).address).poll("").messages == ()


def _all(reader: Reader, *, cursor: str = "", closed: bool = True, count: int = 0) -> Batch:
    """Poll until the writer's `closed`, or until `count` messages are there. One batch of all that was read."""
    messages: list[Message] = []
    damaged = 0
    end = time.monotonic() + PATIENCE_S
    while True:
        batch = reader.poll(cursor)
        messages += batch.messages
        damaged += batch.damaged
        moved, cursor = batch.cursor != cursor, batch.cursor
        if not moved and (batch.closed if closed else len(messages) >= count):
            return Batch(messages=tuple(messages), cursor=cursor, closed=batch.closed, damaged=damaged)
        assert time.monotonic() < end, f"after {PATIENCE_S:g} s only {len(messages)} messages, closed: {batch.closed}"
        if not moved:
            time.sleep(0.01)

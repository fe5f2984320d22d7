"""The channel of pods without an object store, over logs as the kubelet gives them; tests/contract has the real one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from engineshed.channels.pod_logs import PodLogChannel, build
from engineshed.model.errors import AccessDenied, ChannelError, SettingInvalid
from engineshed.model.launch import Token
from engineshed.ports.engine import Surroundings
from engineshed.testing.clock import VirtualClock

TOKEN = Token("es-1")
POD = {
    "metadata": {"name": "es-1-a", "creationTimestamp": "2026-05-01T12:00:00Z"},
    "spec": {"containers": [{"name": "driver"}]},
}


class Server(ThreadingHTTPServer):
    """An API server with one pod: its log may be asked for from a second on, as the kubelet's."""

    pods: list[Mapping[str, Any]]
    log: list[tuple[str, str]]
    status: int


class _Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        if not at.path.endswith("/log"):
            self._send(200, json.dumps({"kind": "PodList", "apiVersion": "v1", "items": self.server.pods}))
            return
        since = parse_qs(at.query).get("sinceTime", ["0"])[0].replace("+00:00", "Z")
        lines = [f"{stamp} {text}" for stamp, text in self.server.log if stamp >= since[:19]]
        self._send(self.server.status, "".join(lines))

    def _send(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), _Answers)
    made.pods, made.log, made.status = [POD], [], 200
    thread = Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def channel(server: Server, tmp_path: Path) -> PodLogChannel:
    kubeconfig = tmp_path / "kubeconfig"
    plain = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "current-context": "x",
    }
    kubeconfig.write_text(yaml.safe_dump(plain))
    return build({"kubeconfig": str(kubeconfig)}, _surroundings(tmp_path))


def _surroundings(home: Path) -> Surroundings:
    return Surroundings(home=str(home), python="python", clock=VirtualClock())


def stamp(second: int, nano: int = 0) -> str:
    return f"{datetime(2026, 5, 1, 12, 0, second, tzinfo=UTC):%Y-%m-%dT%H:%M:%S}.{nano:09}Z"


def said(method: str, **params: Any) -> str:
    return json.dumps({"__dagster_pipes_version": "0.1", "method": method, "params": params}) + "\n"


def test_messages_are_found_among_the_drivers_own_output(server: Server, channel: PodLogChannel) -> None:
    server.log = [
        (stamp(0), said("opened")),
        (stamp(0), "26/05/01 WARN Utils: something\n"),
        (stamp(1), said("report_custom_message", payload=7)),
        (stamp(2), said("closed")),
    ]
    batch = channel.reader("team/es-1").poll("")
    assert [(m.sequence, m.method) for m in batch.messages] == [
        (1, "opened"),
        (2, "report_custom_message"),
        (3, "closed"),
    ]
    assert batch.closed
    again = channel.reader("team/es-1").poll(batch.cursor)
    assert (again.messages, again.closed, again.cursor) == ((), True, batch.cursor)


def test_a_successor_goes_on_from_any_cursor(server: Server, channel: PodLogChannel) -> None:
    whole = [(stamp(n // 3, n % 3), said("report_custom_message", payload=n)) for n in range(9)]
    for count in range(9):
        server.log = whole[:count]
        before = channel.reader("team/es-1").poll("")
        server.log = whole
        after = channel.reader("team/es-1").poll(before.cursor)
        numbers = [m.params["payload"] for m in (*before.messages, *after.messages)]
        assert numbers == list(range(9))
        assert [m.sequence for m in (*before.messages, *after.messages)] == list(range(1, 10))


def test_a_torn_line_waits(server: Server, channel: PodLogChannel) -> None:
    line = said("report_custom_message", payload="long")
    server.log = [(stamp(0), said("opened")), (stamp(1), line[:30])]
    reader = channel.reader("team/es-1")
    first = reader.poll("")
    assert [m.method for m in first.messages] == ["opened"]
    server.log[1] = (stamp(1), line)
    assert [m.params for m in reader.poll(first.cursor).messages] == [{"payload": "long"}]


def test_a_damaged_message_is_counted_and_keeps_its_number(server: Server, channel: PodLogChannel) -> None:
    server.log = [(stamp(0), '{"__dagster_pipes_version": torn\n'), (stamp(1), said("opened"))]
    batch = channel.reader("team/es-1").poll("")
    assert (batch.damaged, [m.sequence for m in batch.messages]) == (1, [2])


def test_before_there_is_a_pod_or_a_log_nothing_was_said(server: Server, channel: PodLogChannel) -> None:
    server.pods = []
    assert channel.reader("team/es-1").poll("").messages == ()
    server.pods, server.status = [POD], 400
    batch = channel.reader("team/es-1").poll("")
    assert (batch.messages, batch.closed) == ((), False)


def test_a_rotated_log_is_an_error(server: Server, channel: PodLogChannel) -> None:
    server.log = [(stamp(0), said("opened"))]
    before = channel.reader("team/es-1").poll("")
    server.log = [(stamp(5), said("closed"))]
    with pytest.raises(ChannelError, match="rotated"):
        channel.reader("team/es-1").poll(before.cursor)


def test_a_log_that_is_closed_to_us_is_said_at_once(server: Server, channel: PodLogChannel) -> None:
    server.status = 403
    with pytest.raises(AccessDenied, match="pods/log"):
        channel.reader("team/es-1").poll("")


def test_the_context_travels_with_the_launch(channel: PodLogChannel) -> None:
    wiring = channel.prepare(TOKEN, {"run_id": "ünï"})
    given = json.loads(wiring.env["ENGINESHED_CHANNEL"])
    assert given == {"version": 1, "kind": "stdout", "context": {"run_id": "ünï"}}
    assert wiring.address == "team/es-1"
    assert channel.prepare(TOKEN, {"run_id": "ünï"}) == wiring


def test_what_is_no_address_is_refused(channel: PodLogChannel) -> None:
    with pytest.raises(ChannelError, match="NAMESPACE/TOKEN"):
        channel.reader("es-1")


@pytest.mark.parametrize("settings", [{"names": "x"}, {"namespace": 3}])
def test_wrong_settings_are_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="allowed are"):
        build(settings, _surroundings(tmp_path))


def test_without_a_cluster_it_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="kubeconfig"):
        build({"kubeconfig": str(tmp_path / "none")}, _surroundings(tmp_path))

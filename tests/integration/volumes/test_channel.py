"""The channel `volumes` under the contract of every channel: stock Pipes in the process in which the platform runs it.

What the relay writes below /Volumes is held to what a mounted volume takes: no appends, no links, no renames.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import RunResultState
from databricks.sdk.service.workspace import ImportFormat

from engineshed.channels.objects import ObjectChannel
from engineshed.channels.volumes import NAME, build
from engineshed.model.errors import SettingInvalid
from engineshed.model.launch import Token
from engineshed.ports.engine import Surroundings
from engineshed.ports.store import ObjectStore
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.channel_contract import CONTEXT, ChannelContract
from engineshed.testing.clock import VirtualClock
from engineshed.testing.databricks import DatabricksDouble

RELAY = Path(__file__).parents[3] / "spark" / "driver" / "engineshed_relay.py"
TOKEN = Token("es-0123456789abcdef01234567")


@pytest.fixture
def store(root: str) -> ObjectStore:
    return open_store(root, {})


class TestVolumes(ChannelContract):
    writer: ClassVar[str] = "dagster_pipes.PipesDefaultMessageWriter()"

    @pytest.fixture
    def channel(self, double: DatabricksDouble, store: ObjectStore, root: str) -> ObjectChannel:
        self.double, self.store = double, store
        return ObjectChannel(store, {}, SystemClock(), name=NAME)

    def speak(self, body: str, *, env: Mapping[str, str], arguments: Sequence[str] = ()) -> int:
        """Within the process that is killed nothing is shipped any more: a third of a second before, all has been."""
        body = body.replace("os._exit", "__import__('time').sleep(0.5); os._exit")
        lines = [
            f"import os, dagster_pipes, {self.imports}",
            f"with dagster_pipes.open_dagster_pipes(message_writer={self.writer}) as pipes:",
            *(f"    {line}" for line in body.splitlines()),
        ]
        said = dict(zip(*[iter(arguments)] * 2, strict=True)).get("--engineshed-channel") or env["ENGINESHED_CHANNEL"]
        return self.run_by_platform("\n".join(lines), ["--engineshed-channel", said])

    def run_by_platform(self, script: str, wired: Sequence[str]) -> int:
        """A task of the relay; its exit code, as far as the platform tells."""
        name = uuid.uuid4().hex
        self.store.put(f"code/{name}/script.py", script.encode())
        file = {
            "name": "script.py",
            "uri": self.store.uri(f"code/{name}/script.py"),
            "sha256": hashlib.sha256(script.encode()).hexdigest(),
        }
        launch = {"version": 1, "argv": ["script.py"], "staged": {"files": [file]}, "in_process": True}
        self.store.put(f"code/{name}/launch.json", json.dumps(launch).encode())
        self.store.put(f"code/{name}/engineshed_relay.py", RELAY.read_bytes())
        client = WorkspaceClient(host=self.double.host, token=self.double.token)
        client.workspace.mkdirs("/Shared/relay")
        with RELAY.open("rb") as relay:
            client.workspace.upload(f"/Shared/relay/{name}.py", relay, format=ImportFormat.RAW)
        task = {
            "python_file": f"/Workspace/Shared/relay/{name}.py",
            "parameters": [*wired, "--engineshed-launch", self.store.uri(f"code/{name}/launch.json")],
        }
        environment = {"environment_key": "e", "spec": {"environment_version": "2"}}
        tasks = [{"task_key": "t", "spark_python_task": task, "environment_key": "e"}]
        submitted: Any = client.api_client.do(
            "POST", "/api/2.2/jobs/runs/submit", body={"tasks": tasks, "environments": [environment]}
        )
        return self.exit_code(client, submitted["run_id"])

    def exit_code(self, client: WorkspaceClient, run_id: int) -> int:
        """0 for a success; what a process that died told, else 1."""
        until = time.monotonic() + 60
        while not (run := client.jobs.get_run(run_id)).end_time:
            assert time.monotonic() < until, "the task has not ended"
            time.sleep(0.05)
        assert run.tasks is not None
        assert run.state is not None
        if run.state.result_state is RunResultState.SUCCESS:
            return 0
        output = client.jobs.get_run_output(run.tasks[0].run_id or 0)
        died = re.search(r"exit code (\d+)", output.error_trace or "")
        return int(died[1]) if died else 1


class TestDriversWriter(TestVolumes):
    imports = "sys; sys.path.insert(0, '" + str(RELAY.parent) + "'); import engineshed_driver"
    writer = "engineshed_driver.MessageWriter()"


def surroundings(exchange: ObjectStore | None = None, **more: Any) -> Surroundings:
    return Surroundings(home="", python="", clock=VirtualClock(), exchange=exchange, **more)


def test_it_lies_in_an_exchange_that_is_a_volume(store: ObjectStore) -> None:
    channel = build({}, surroundings(store))
    assert channel.name == "volumes"
    wiring = channel.prepare(TOKEN, CONTEXT)
    assert (wiring.channel, wiring.address) == ("volumes", store.uri(f"channels/{TOKEN}"))


def test_it_may_have_a_root_of_its_own_beside_an_exchange_elsewhere(store: ObjectStore, tmp_path: Path) -> None:
    elsewhere = open_store(str(tmp_path), {})
    channel = build({"root": store.root}, surroundings(elsewhere, open_store=lambda root: open_store(root, {})))
    assert channel.prepare(TOKEN, CONTEXT).address.startswith(f"{store.root}/channels/")


@pytest.mark.parametrize("settings", [{}, {"root": "s3://bucket"}, {"roots": "/Volumes/a/b/c"}])
def test_without_a_volume_it_says_what_to_set(settings: Mapping[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match=r"channels\.volumes"):
        build(settings, surroundings(open_store(str(tmp_path), {})))


def test_a_file_that_is_not_whole_yet_is_waited_for(store: ObjectStore) -> None:
    """A mounted volume may show a file while it is written."""
    clock = VirtualClock()
    reader = ObjectChannel(store, {}, clock, name=NAME).reader(store.uri(f"channels/{TOKEN}"))
    line = b'{"__dagster_pipes_version": "0.1", "method": "opened", "params": null}\n'
    for part in (b"", line[:20]):
        store.put(f"channels/{TOKEN}/messages/000000000001.jsonl", part)
        clock.sleep(1)
        batch = reader.poll("")
        assert (batch.messages, batch.cursor, batch.damaged) == ((), "", 0)
    store.put(f"channels/{TOKEN}/messages/000000000001.jsonl", line)
    clock.sleep(1)
    assert [message.method for message in reader.poll("").messages] == ["opened"]

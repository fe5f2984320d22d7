"""The relay as process 1 of a driver: what is fetched, what is heard, and who may be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.integration.driver import relays

from engineshed.channels.objects import ObjectChannel
from engineshed.model.launch import Token
from engineshed.model.message import Batch
from engineshed.model.wiring import Wiring
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import LocalStore, open_store
from engineshed.testing.channel_contract import CONTEXT, numbers

TOKEN = Token("es-0123456789abcdef01234567")

OPENING = """
import os, signal, subprocess, sys, time, dagster_pipes
from dagster_pipes import open_dagster_pipes
"""


class Site:
    """An exchange on a folder, and relays that use it."""

    def __init__(self, folder: Path, store: Any = None, access: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.access = access or {}
        self.store = store or LocalStore(folder / "exchange")
        self.channel = ObjectChannel(self.store, self.access, SystemClock())
        self.wiring = self.channel.prepare(TOKEN, CONTEXT)
        self.relays: list[subprocess.Popen[bytes]] = []

    def start(self, script: str, **launch: Any) -> subprocess.Popen[bytes]:
        staged = {"files": relays.stage(self.store, {"script.py": OPENING + script}), "access": self.access}
        self.relays.append(relays.start(self.folder, self.wiring, staged, **launch))
        return self.relays[-1]

    def read(self) -> Batch:
        """All that has been shipped by now."""
        reader, cursor, messages, damaged = self.channel.reader(self.wiring.address), "", [], 0
        while (batch := reader.poll(cursor)).cursor != cursor:
            cursor, damaged = batch.cursor, damaged + batch.damaged
            messages += batch.messages
        return Batch(messages=tuple(messages), cursor=cursor, closed=batch.closed, damaged=damaged)

    def end(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.store.get(f"channels/{TOKEN}/messages/end.json"))
        return found

    def log(self) -> str:
        return (self.folder / "relay.log").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    for relay in site.relays:
        relay.kill()
        relay.wait()


def until(true: Callable[[], Any], what: str, patience_s: float = relays.PATIENCE_S) -> None:
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def said(site: Site, payload: object) -> Callable[[], bool]:
    return lambda: payload in numbers(site.read())


def test_what_is_said_is_heard_while_the_script_lives(site: Site) -> None:
    site.start("with open_dagster_pipes() as p:\n p.report_custom_message(time.time()); time.sleep(60)\n")
    until(lambda: numbers(site.read()), "a message")
    assert time.time() - numbers(site.read())[0] < 3  # 0.3 s, and what two busy cores add


@pytest.mark.parametrize("place", ["S3", "Dbfs", "UnityCatalogVolumes"])
def test_a_script_that_names_its_platforms_transport_is_heard(site: Site, place: str) -> None:
    client = {"S3": "client=None", "Dbfs": "", "UnityCatalogVolumes": ""}[place]
    relay = site.start(
        f"loader = dagster_pipes.Pipes{place}ContextLoader({client})\n"
        f"writer = dagster_pipes.Pipes{place}MessageWriter({client})\n"
        "with open_dagster_pipes(context_loader=loader, message_writer=writer) as p:\n"
        " p.report_custom_message(7)\n"
    )
    assert relay.wait(relays.PATIENCE_S) == 0, site.log()
    assert numbers(site.read()) == [7]


def test_the_script_is_the_main_program_with_its_own_folder_and_arguments(site: Site) -> None:
    script = """
from multiprocessing import get_context
def double(n): return 2 * n
if __name__ == "__main__":
    with open_dagster_pipes() as p:
        p.report_custom_message([os.path.basename(__file__), sys.argv[1:], sys.path[0] == os.path.dirname(__file__)])
        with get_context("spawn").Pool(1) as pool:
            p.report_custom_message(pool.map(double, [1, 2]))
"""
    relay = site.start(script, argv=["script.py", "--crawl", "2024 10"])
    assert relay.wait(relays.PATIENCE_S) == 0, site.log()
    assert numbers(site.read()) == [["script.py", ["--crawl", "2024 10"], True], [2, 4]]


def test_sigterm_goes_to_the_script_which_has_the_last_word(site: Site) -> None:
    relay = site.start(
        "def leave(*_):\n raise SystemExit(5)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "with open_dagster_pipes() as p:\n p.report_custom_message('up'); time.sleep(60)\n"
    )
    until(said(site, "up"), "up")
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(relays.PATIENCE_S) == 5
    assert site.read().closed
    assert (site.end()["exit_code"], site.end()["signal"]) == (5, None)


def test_a_script_that_does_not_leave_is_killed_with_all_it_started(site: Site) -> None:
    relay = site.start(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "with open_dagster_pipes() as p:\n p.report_custom_message(child.pid); time.sleep(600)\n",
        grace_s=0.5,
    )
    until(lambda: numbers(site.read()), "its child's pid")
    [child] = numbers(site.read())
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(relays.PATIENCE_S) == 128 + signal.SIGKILL
    assert (site.end()["exit_code"], site.end()["signal"]) == (137, 9)
    until(lambda: not alive(child), "the child's end")


def test_a_script_killed_in_a_line_loses_only_that_line(site: Site) -> None:
    relay = site.start(
        "with open_dagster_pipes() as p:\n"
        " for number in range(20): p.report_custom_message(number)\n"
        " path = dagster_pipes.decode_param(os.environ['DAGSTER_PIPES_MESSAGES'])['path']\n"
        ' open(path, \'a\').write(\'{"__dagster_pipes_version": "0.1", "meth\')\n'
        " os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert relay.wait(relays.PATIENCE_S) == 137
    batch = site.read()
    assert (numbers(batch), batch.damaged, batch.closed) == (list(range(20)), 1, False)
    assert site.end() == {"exit_code": 137, "signal": 9, "chunks": site.end()["chunks"], "lines": 22}


def test_a_killed_relay_takes_the_script_along_and_a_second_goes_on(site: Site) -> None:
    relay = site.start(
        "with open_dagster_pipes() as p:\n p.report_custom_message(os.getpid())\n"
        " for number in range(10**6):\n  p.report_custom_message('x'); time.sleep(0.01)\n"
    )
    until(lambda: len(numbers(site.read())) > 50, "some messages")
    relay.kill()
    relay.wait()
    before = site.read()
    script = numbers(before)[0]
    until(lambda: not alive(script), "the script's end")
    assert site.start("with open_dagster_pipes() as p:\n p.report_custom_message('later')\n").wait(60) == 0
    after = site.read()
    assert numbers(after) == [*numbers(before), "later"]
    assert [m.sequence for m in after.messages] == list(range(1, len(after.messages) + 1))


def test_a_hundred_thousand_messages_arrive_in_order(site: Site) -> None:
    relay = site.start("with open_dagster_pipes() as p:\n for n in range(100_000): p.report_custom_message(n)\n")
    assert relay.wait(relays.PATIENCE_S) == 0
    batch = site.read()
    assert numbers(batch) == list(range(100_000))
    assert (batch.closed, batch.damaged, site.end()["lines"]) == (True, 0, 100_002)


def test_a_script_that_forks_ends_with_its_first_process(site: Site) -> None:
    relay = site.start(
        "with open_dagster_pipes() as p:\n"
        " if os.fork() == 0:\n"
        "  p.report_custom_message(os.getpid()); time.sleep(600)\n"
        " time.sleep(1); os._exit(7)\n"
    )
    assert relay.wait(relays.PATIENCE_S) == 7
    [fork] = numbers(site.read())
    until(lambda: not alive(fork), "the fork's end")


def test_a_job_over_its_time_is_ended_and_the_reason_kept(site: Site) -> None:
    relay = site.start("time.sleep(600)\n", timeout_s=0.5, grace_s=5)
    assert relay.wait(relays.PATIENCE_S) == 143
    assert site.end()["error"] == "the time limit of 0.5 s was over"


def test_code_that_is_not_what_was_staged_does_not_run(site: Site) -> None:
    [file] = relays.stage(site.store, {"script.py": "print('ran')"})
    assert relays.run(site.folder, site.wiring, {"files": [{**file, "sha256": "0" * 64}]}) == 65
    assert "is not what was staged" in site.log()
    assert site.end()["exit_code"] == 65
    assert "ran" not in site.log().split()


@pytest.mark.parametrize("name", ["../script.py", "/script.py"])
def test_a_name_that_leads_out_of_its_folder_is_refused(site: Site, name: str) -> None:
    [file] = relays.stage(site.store, {"script.py": "print('ran')"})
    assert relays.run(site.folder, site.wiring, {"files": [{**file, "name": name}]}) == 64
    assert "is no name for a file of a launch" in site.log()


def test_wrong_settings_are_named(site: Site) -> None:
    empty = Wiring(channel="objects", address="")
    assert relays.run(site.folder, empty, {"files": []}) == 64
    assert "neither ENGINESHED_CHANNEL nor ENGINESHED_CHANNEL_FILE is set" in site.log()
    assert relays.run(site.folder, site.wiring, {}) == 64
    assert "ENGINESHED_RELAY needs `argv` and `staged`" in site.log()


def test_it_all_goes_without_a_store(tmp_path: Path) -> None:
    """Context and launch in files, code in an archive, messages to stdout among the script's own output."""
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("beside.py", "WORD = 'beside'")
        archive.writestr(
            "script.py",
            OPENING + "import beside, zipfile, pathlib\nprint('hello')\n"
            "scratch = pathlib.Path(os.environ['ENGINESHED_SCRATCH'])\n"
            "with open_dagster_pipes() as p:\n"
            " p.report_custom_message([p.run_id, beside.WORD, sys.argv[1:], (scratch / 'files' / 'a.yaml').read_text(),"
            " sorted(zipfile.ZipFile(os.environ['ENGINESHED_MODULES']).namelist()), pathlib.Path.cwd().name,"
            " 'ENGINESHED_RELAY' in os.environ])\n",
        )
    channel = {"version": 1, "kind": "stdout", "context": dict(CONTEXT)}
    launch = {
        "version": 1,
        "argv": ["script.py", "--x"],
        "staged": {"archive": str(tmp_path / "code.zip")},
        "files": {"a.yaml": "a: 1"},
    }
    (tmp_path / "channel.json").write_text(json.dumps(channel))
    (tmp_path / "relay.json").write_text(json.dumps(launch))
    env = {
        **os.environ,
        "PYTHONPATH": str(relays.DRIVER),
        "ENGINESHED_SCRATCH": str(tmp_path / "scratch"),
        "ENGINESHED_CHANNEL_FILE": str(tmp_path / "channel.json"),
        "ENGINESHED_RELAY_FILE": str(tmp_path / "relay.json"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "engineshed_relay"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    messages = [json.loads(line) for line in lines]
    assert first == "hello"
    assert [m["method"] for m in messages] == ["opened", "report_custom_message", "closed"]
    assert messages[1]["params"]["payload"] == [
        "run", "beside", ["--x"], "a: 1", ["beside.py", "script.py"], "work", False,
    ]  # fmt: skip


class TestAStoreThatGoesAway:
    @pytest.fixture
    def site(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        _, self.port = self.server.get_host_and_port()
        access = {"endpoint_url": f"http://127.0.0.1:{self.port}", "region": "us-east-1"}
        boto3.client("s3", endpoint_url=access["endpoint_url"], region_name="us-east-1").create_bucket(Bucket="away")
        site = Site(tmp_path, open_store("s3://away/x", access), access)
        yield site
        for relay in site.relays:
            relay.kill()
            relay.wait()
        self.server.stop()

    def restart(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self.server.start()

    def test_nothing_is_lost_while_it_is_away(self, site: Site) -> None:
        relay = site.start(
            "with open_dagster_pipes() as p:\n for n in range(400): p.report_custom_message(n); time.sleep(0.01)\n"
        )
        until(said(site, 5), "the first messages")
        self.server.stop()
        until(lambda: "will keep trying" in site.log(), "a complaint")
        time.sleep(2)
        self.restart()
        assert relay.wait(relays.PATIENCE_S) == 0
        assert numbers(site.read()) == list(range(400))
        assert "is there again" in site.log()
        assert site.end()["lines"] == 402

    def test_it_is_waited_for_before_the_start(self, site: Site) -> None:
        staged = {"files": relays.stage(site.store, {"script.py": "print('ran')"}), "access": site.access}
        self.server.stop()
        relay = relays.start(site.folder, site.wiring, staged)
        site.relays.append(relay)
        until(lambda: "will try again" in site.log(), "a complaint")
        self.restart()
        assert relay.wait(relays.PATIENCE_S) == 0
        assert "ran" in site.log().split()

    def test_it_is_waited_for_after_the_end(self, site: Site, tmp_path: Path) -> None:
        relay = site.start(
            "with open_dagster_pipes() as p:\n p.report_custom_message('up')\n"
            f" while not os.path.exists({str(tmp_path / 'away')!r}): time.sleep(0.05)\n"
            "print('script is over', flush=True)\n"
        )
        until(said(site, "up"), "up")
        self.server.stop()
        (tmp_path / "away").touch()
        until(lambda: "script is over" in site.log() and "will keep trying" in site.log(), "the script's end")
        time.sleep(1)
        assert relay.poll() is None, "it left before its last messages were away"
        self.restart()
        assert relay.wait(relays.PATIENCE_S) == 0
        assert site.read().closed


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be asked for its exit code does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

"""The relay where scripts run within its own process, as on Databricks: variables cannot be set, arguments can."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.integration.driver import relays

from engineshed.channels.objects import ObjectChannel
from engineshed.model.launch import Token
from engineshed.model.message import Batch
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.channel_contract import CONTEXT

TOKEN = Token("es-0123456789abcdef01234567")
SPEAK = "import dagster_pipes, os, sys\nwith dagster_pipes.open_dagster_pipes({}) as pipes:\n    {}\n"


class Platform:
    """What a platform does: runs a file in a Python process of its own, with arguments, and shows what it raised."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(str(folder / "exchange"), {})
        self.channel = ObjectChannel(self.store, {}, SystemClock())
        self.folder = folder

    def run(self, files: Mapping[str, str], *, given: str = "{}", **launch: Any) -> subprocess.CompletedProcess[str]:
        wiring = self.channel.prepare(TOKEN, CONTEXT)
        order = {
            "version": 1,
            "argv": ["script.py", "--own", "word"],
            "staged": {"files": relays.stage(self.store, files)},
            "in_process": True,
            **launch,
        }
        self.store.put(f"channels/{TOKEN}/launch.json", json.dumps(order).encode())
        address = self.store.uri(f"channels/{TOKEN}/launch.json")
        run = f"import runpy, sys; runpy.run_path(sys.argv.pop(1), init_globals={given}, run_name='__main__')"
        command = [sys.executable, "-c", run, str(relays.DRIVER / "engineshed_relay.py")]
        return subprocess.run(
            [*command, *wiring.arguments, "--engineshed-launch", address],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def said(self) -> Batch:
        return self.channel.reader(self.store.uri(f"channels/{TOKEN}")).poll("")

    def end(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(self.store.get(f"channels/{TOKEN}/messages/end.json"))
        return plain


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path)


def payloads(batch: Batch) -> list[Any]:
    return [m.params["payload"] for m in batch.messages if m.method == "report_custom_message"]


def test_the_script_finds_itself_its_modules_its_arguments_and_variables(platform: Platform) -> None:
    script = (
        "import beside\n"
        + SPEAK.format("", "pipes.report_custom_message([sys.argv[1:], os.environ['OWN'], beside.WORD, __name__])")
        + "import pathlib; assert pathlib.Path(__file__).name == 'script.py' and not list(pathlib.Path().iterdir())\n"
    )
    done = platform.run({"script.py": script, "beside.py": "WORD = 'there'\n"}, env={"OWN": "set"})
    assert done.returncode == 0, done.stderr
    assert payloads(platform.said()) == [[["--own", "word"], "set", "there", "__main__"]]
    assert platform.said().closed
    assert platform.end() == {"exit_code": 0, "signal": None, "chunks": 1, "lines": 3}


@pytest.mark.parametrize(
    "asked",
    [
        "context_loader=dagster_pipes.PipesDbfsContextLoader(), message_writer=dagster_pipes.PipesDbfsMessageWriter()",
        "context_loader=dagster_pipes.PipesUnityCatalogVolumesContextLoader(), "
        "message_writer=dagster_pipes.PipesUnityCatalogVolumesMessageWriter(), "
        "params_loader=dagster_pipes.PipesCliArgsParamsLoader()",
        "context_loader=dagster_pipes.PipesS3ContextLoader(client=None), "
        "message_writer=dagster_pipes.PipesS3MessageWriter(client=None)",
    ],
)
def test_a_script_that_names_its_platforms_transport_is_heard(platform: Platform, asked: str) -> None:
    done = platform.run({"script.py": SPEAK.format(asked, "pipes.report_custom_message(pipes.get_extra('word'))")})
    assert done.returncode == 0, done.stderr
    assert payloads(platform.said()) == ["first"]
    assert platform.said().closed


def test_a_failure_is_the_scripts_own_and_is_told(platform: Platform) -> None:
    done = platform.run({"script.py": SPEAK.format("", "raise ValueError('no such crawl')")})
    assert done.returncode != 0
    assert done.stderr.rstrip().endswith("ValueError: no such crawl")
    assert platform.said().messages[-1].params["exception"]["message"].strip().endswith("no such crawl")
    assert platform.end()["exit_code"] == 1


@pytest.mark.parametrize(("leaving", "code"), [("sys.exit()", 0), ("sys.exit(0)", 0), ("sys.exit(3)", 3)])
def test_leaving_is_success_only_without_a_code(platform: Platform, leaving: str, code: int) -> None:
    done = platform.run({"script.py": f"import sys\nprint('here')\n{leaving}\n"})
    assert (done.returncode == 0, done.stdout) == (code == 0, "here\n")
    assert ("ScriptLeft: the script left with 3" in done.stderr) == bool(code)
    assert platform.end()["exit_code"] == code


def test_what_the_platform_gives_as_globals_reaches_the_script(platform: Platform) -> None:
    script = SPEAK.format("", "pipes.report_custom_message(spark)")
    assert platform.run({"script.py": script}, given="{'spark': 'the session'}").returncode == 0
    assert payloads(platform.said()) == ["the session"]


def test_bytes_that_are_not_those_that_were_staged_never_run(platform: Platform) -> None:
    staged = relays.stage(platform.store, {"script.py": "print('changed')\n"})
    staged[0]["sha256"] = "0" * 64
    done = platform.run({}, staged={"files": staged})
    assert (done.returncode == 0, done.stdout) == (False, "")
    assert "is not what was staged" in platform.end()["error"]


def test_nothing_is_left_on_the_platforms_disk(platform: Platform, tmp_path: Path) -> None:
    script = "import os; print(os.environ['ENGINESHED_SCRATCH'])\n"
    done = platform.run({"script.py": script})
    assert not Path(done.stdout.strip()).exists()

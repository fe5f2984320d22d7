"""The bars of messages, measured on the real route: how soon one is in the event log, and how many it takes.

The benchmarks say what they measure and end with 1 when a bar is missed or a line is lost; here they are shorter.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
LIMIT_S = 600


def held(name: str, *options: str) -> None:
    command = [sys.executable, f"benchmarks/{name}.py", *options]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "ENGINESHED_"))}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("channel", ["objects", pytest.param("volumes", marks=pytest.mark.needs_java)])
def test_a_message_is_in_the_event_log_within_a_second_and_a_half(channel: str) -> None:
    held("latency", "--messages", "80", "--channel", channel)


def test_300_messages_and_2000_lines_a_second_are_all_there_in_order_and_memory_stays_flat() -> None:
    held("flood", "--seconds", "15")

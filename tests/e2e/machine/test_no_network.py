"""The demo on a machine whose network is cut after the set-up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY, living_off, run_demo

# A namespace without any network but the machine's own loopback, which is down in a new one: SIOCSIFFLAGS brings it up
# (netdevice(7)). Then nothing outside must be within reach.
_CUT = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
try:
    socket.create_connection(("192.0.2.1", 9), timeout=5)
except OSError as error:
    assert error.errno in (101, 113), error
else:
    sys.exit("the network is not cut")
if len(sys.argv) > 1:
    os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def without_network() -> list[str]:
    """A command that runs another one without network."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare to cut the network with")
    options = ["--net"] if os.geteuid() == 0 else ["--map-root-user", "--net"]
    command = [unshare, *options, sys.executable, "-c", _CUT]
    tried = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"this machine does not let us cut the network: {tried.stderr.strip().splitlines()[-1]}")
    return command


def test_the_demo_runs_without_network(without_network: list[str], tmp_path: Path) -> None:
    demo = run_demo(tmp_path, *without_network)
    assert demo.code == 0, demo.said
    assert "done, rows: graph_aggr" in demo.said
    assert (tmp_path / "pictures" / "index.html").is_file()
    assert living_off(tmp_path) == []

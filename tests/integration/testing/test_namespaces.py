"""Roots of doubles' processes, made by real mounts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engineshed.testing import enter
from engineshed.testing.namespaces import entering, require_namespaces

NOBODY = 65534
PATIENCE_S = 30


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where somebody else can come too."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made)
        path.chmod(0o755)
        for name in ("root", "volume", "added"):
            (path / name).mkdir()
        yield path


def entered(folder: Path, script: str, mixed: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    line = entering(folder / "root", {"/Volumes": str(folder / "volume")}, mixed or {}, "/Volumes")
    return subprocess.run([*line, "/bin/sh", "-c", script], capture_output=True, text=True, check=False)


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_folder_is_there_for_the_command_alone(folder: Path) -> None:
    done = entered(folder, "pwd; echo here > file; ls /tmp > /dev/null && test -d /usr")
    assert (done.returncode, done.stdout) == (0, "/Volumes\n")
    assert (folder / "volume" / "file").read_text() == "here\n"
    assert not Path("/Volumes").exists()
    assert not list((folder / "root").iterdir())


def test_a_mixed_folder_shows_what_is_there_and_keeps_it(folder: Path) -> None:
    done = entered(folder, "echo x > /usr/own; ls -d /usr/bin", {"/usr": str(folder / "added")})
    assert done.stdout == "/usr/bin\n"
    assert (folder / "added" / "own").read_text() == "x\n"
    assert not Path("/usr/own").exists()


def test_many_may_enter_a_new_mixed_folder_at_once(folder: Path) -> None:
    there = folder / "there"
    there.mkdir()
    for number in range(300):
        (there / f"link-{number}").symlink_to("/bin/true")
    roots = [folder / f"root-{number}" for number in range(6)]
    for root in roots:
        root.mkdir()
    lines = [[*entering(root, {}, {str(there): str(folder / "added")}), "/bin/true"] for root in roots]
    begun = [subprocess.Popen(line, stderr=subprocess.PIPE, text=True) for line in lines]
    assert [(one.communicate()[1], one.returncode) for one in begun] == [("", 0)] * len(roots)


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="becoming nobody needs root and setpriv")
def test_it_needs_no_root_where_the_kernel_gives_user_namespaces(folder: Path) -> None:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("nobody can read no python but the system's, and there is none")
    shutil.copy(enter.__file__, folder / "enter.py")
    for path in (folder, folder / "root", folder / "volume"):
        os.chown(path, NOBODY, NOBODY)
    line = entering(folder / "root", {"/Volumes": str(folder / "volume")}, {}, "/Volumes")
    command = [python, "-IS", str(folder / "enter.py"), line[-1], "/bin/sh", "-c", "echo nobody > file"]
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = subprocess.run([*become, *command], capture_output=True, text=True, check=False)
    if done.returncode == enter.NO_NAMESPACE:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert (folder / "volume" / "file").stat().st_uid == NOBODY


def test_a_machine_that_can_is_let_pass(folder: Path) -> None:
    require_namespaces(folder)
    assert not list((folder / "root").iterdir())


def test_what_is_begun_ends_with_whoever_began_it(folder: Path) -> None:
    line = entering(folder / "root", {"/Volumes": str(folder / "volume")}, {}, "/Volumes")
    waits = [*line, "/bin/sh", "-c", "echo $$ > pid; exec sleep 597"]
    begin = f"import subprocess, time; subprocess.Popen({waits!r}); time.sleep(600)"
    begun, noted = subprocess.Popen([sys.executable, "-c", begin]), folder / "volume" / "pid"
    try:
        wait_until(lambda: noted.is_file() and noted.read_text().strip().isdigit())
        process = Path("/proc", noted.read_text().strip())
        assert process.exists()
    finally:
        begun.kill()
        begun.wait()
    wait_until(lambda: _gone(process))


def _gone(process: Path) -> bool:
    """Whoever inherits it may not have buried it yet."""
    try:
        return "\nState:\tZ" in (process / "status").read_text()
    except OSError:
        return True


def test_folders_that_come_and_go_meanwhile_are_no_trouble(folder: Path) -> None:
    busy, over = folder / "busy", threading.Event()
    busy.mkdir()

    def churn() -> None:
        while not over.is_set():
            for n in range(40):
                (busy / f"{n}").mkdir(exist_ok=True)
                (busy / f"{n}.txt").touch()
            for n in range(40):
                (busy / f"{n}").rmdir()
                (busy / f"{n}.txt").unlink()

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        ends = [entered(folder, "true", {str(busy): str(folder / "added")}) for _ in range(25)]
    finally:
        over.set()
        worker.join()
    assert [(done.returncode, done.stderr) for done in ends] == [(0, "")] * 25

"""`make` for people with an odd environment: no home, another locale, a folder with letters of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = """\
#!/bin/sh
if [ "$1" = --version ]; then echo "uv 0.99.0"; exit; fi
echo "cache $UV_CACHE_DIR, Pythons $UV_PYTHON_INSTALL_DIR" >&2
exit 3
"""


@pytest.mark.parametrize(("locale", "given"), [("C", "C.UTF-8"), ("POSIX", "C.UTF-8"), ("C.UTF-8", "C.UTF-8")])
def test_targets_run_in_utf_8(locale: str, given: str) -> None:
    show = "--eval=show: ; @echo $$LC_ALL"
    env = {"PATH": os.environ["PATH"], "LC_ALL": locale}
    done = subprocess.run(["make", show, "show"], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == given


@pytest.mark.parametrize("home", ["/proc/nobody", None])
def test_setup_without_a_home_keeps_its_cache_in_the_repository(tmp_path: Path, home: str | None) -> None:
    shutil.copytree(ROOT / "make", tmp_path / "make")
    for file in ("requirements.lock", "pyproject.toml", "spark/driver/pyproject.toml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "code_locations" / "web_graph", tmp_path / "code_locations" / "web_graph", symlinks=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text(UV)
    (tmp_path / "bin" / "uv").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", **({"HOME": home} if home else {})}
    done = subprocess.run([tmp_path / "make" / "setup.sh"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    kept = tmp_path / ".venv-cache"
    assert f"cache {kept}/uv, Pythons {kept}/python" in done.stderr
    assert "no cache can be kept in the home folder" in done.stderr


@pytest.mark.parametrize("name", ["PORT", "METRICS"])
def test_ui_starts_nothing_beside_a_port_that_is_taken(tmp_path: Path, name: str) -> None:
    with socket.socket() as taken, socket.socket() as free:
        for one in (taken, free):
            one.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"PORT": free.getsockname()[1], "METRICS": free.getsockname()[1], name: taken.getsockname()[1]}
        env = {"PATH": os.environ["PATH"], "DAGSTER_HOME": str(tmp_path / "home")}
        command = ["make/ui.sh", str(ports["PORT"]), str(ports["METRICS"])]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"make ui {name}={ports[name] + 1}" in done.stderr
    assert not (tmp_path / "home").exists()

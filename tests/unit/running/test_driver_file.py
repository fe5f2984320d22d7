from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from engineshed.running.driver_file import driver_file

REPOSITORY = Path(__file__).parents[3]
ASK = "from engineshed.running.driver_file import driver_file; print(driver_file())"


def test_here_it_is_the_repository_s_own() -> None:
    assert driver_file() == REPOSITORY / "spark" / "driver" / "engineshed_driver.py"


def test_a_file_of_that_name_on_the_path_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "engineshed_driver.py").write_text("raise SystemExit('the wrong one')\n")
    assert _asked(tmp_path) == str(REPOSITORY / "spark" / "driver" / "engineshed_driver.py")


def test_an_installed_copy_is_found_beside_its_metadata(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])",
            tmp_path,
        ],
        cwd=REPOSITORY / "spark" / "driver",
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    assert _asked(tmp_path / "site") == str(tmp_path / "site" / "engineshed_driver.py")


def _asked(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ASK], env={"PYTHONPATH": str(path)}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()

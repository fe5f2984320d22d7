"""A script by hand under spark-submit, whose JVM is there before the driver: its workers find its modules too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[3] / "spark" / "driver"
SCRIPT = """
import pathlib, sys
import engineshed_driver
import beside
from farm import plough

def rows(batches):
    import engineshed_driver
    for batch in batches:
        yield plough.turned(beside.all_of(batch))

with engineshed_driver.open_job("by_hand", out=sys.argv[1]) as job:
    numbers = job.session.range(0, 10, 1, 2)
    print("rows", job.write("numbers", numbers.mapInArrow(rows, numbers.schema)))
"""


@pytest.mark.needs_java
def test_modules_beside_the_script_reach_the_workers(tmp_path: Path) -> None:
    bin_folder = Path(sys.executable).parent
    scripts = tmp_path / "scripts"
    (scripts / "farm" / "fields").mkdir(parents=True)
    (scripts / "by_hand.py").write_text(SCRIPT)
    (scripts / "beside.py").write_text("def all_of(batch):\n    return batch\n")
    (scripts / "farm" / "__init__.py").write_text("")
    (scripts / "farm" / "plough.py").write_text("def turned(batch):\n    return batch\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [bin_folder / "spark-submit", "--master", "local[2]", scripts / "by_hand.py", tmp_path / "out"],
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TMPDIR": str(temporary),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "rows 10" in done.stdout
    assert not list(temporary.glob("engineshed-*"))

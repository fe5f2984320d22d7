"""The environment of Dagster's client of Databricks, which wants an older databricks-sdk than engineshed.

Made from databricks.lock in `.venv-cache/dagster-databricks` when it is not there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCK = HERE / "databricks.lock"
ENVIRONMENT = ROOT / ".venv-cache" / "dagster-databricks"


def databricks_python() -> Path:
    """Its interpreter; the packages are installed by hash where the lock has changed. Raises CalledProcessError."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "databricks.lock"
    if not stamp.is_file() or stamp.read_bytes() != LOCK.read_bytes():
        uv = subprocess.run([ROOT / "make" / "uv.sh"], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run([uv, "venv", "--quiet", "--clear", ENVIRONMENT, "--python", sys.executable], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", LOCK]
        subprocess.run(install, check=True)
        stamp.write_bytes(LOCK.read_bytes())
    return python

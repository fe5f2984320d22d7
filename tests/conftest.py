"""What every test may count on: no settings of whoever runs it, and a reason where this machine lacks a part."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# Two busy cores: a slow example is no failure, and a failing one is printed so that it can be repeated.
settings.register_profile("engineshed", deadline=None, print_blob=True)
settings.load_profile("engineshed")


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_this_machine() -> None:
    for name in ("DAGSTER_HOME", "SPARK_HOME", "SPARK_REMOTE", "PYSPARK_PYTHON"):
        os.environ.pop(name, None)
    for name in [name for name in os.environ if name.startswith(("ENGINESHED_", "DAGSTER_PIPES_"))]:
        del os.environ[name]
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"


@cache
def _java() -> str:
    """Why classic Spark cannot start here; empty when it can."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None:
        return "no java on PATH and JAVA_HOME is not set"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    return "" if re.search(r'version "(17|21)[."]', said) else f"Java 17 or 21 is needed, {java} is another"


@cache
def _postgresql() -> str:
    """Why a scratch PostgreSQL cannot be started here; empty when it can."""
    at_hand = shutil.which("initdb") or next(Path("/usr/lib/postgresql").glob("*/bin/initdb"), None)
    return "" if at_hand else "no initdb: PostgreSQL's server programs are not installed"


@cache
def _cluster() -> str:
    """Why no cluster is within reach; empty when one is named."""
    return "" if os.environ.get("KUBECONFIG") else "KUBECONFIG names no cluster"


@cache
def _promtool() -> str:
    """Why rules cannot be tried; empty when they can."""
    return "" if shutil.which("promtool") else "no promtool on PATH"


@cache
def _prometheus() -> str:
    """Why no Prometheus can be started; empty when one can."""
    return "" if shutil.which("prometheus") else "no prometheus on PATH"


_MISSING = {
    "needs_java": _java,
    "needs_postgresql": _postgresql,
    "needs_cluster": _cluster,
    "needs_promtool": _promtool,
    "needs_prometheus": _prometheus,
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, why in _MISSING.items():
        if item.get_closest_marker(mark) and (reason := why()):
            pytest.skip(reason)

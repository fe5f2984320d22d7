"""The examples of docs/doubles.md are programs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "doubles.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text().partition("## Databricks")[2], re.DOTALL)


def test_both_modes_have_one() -> None:
    assert ["execute=True" in example for example in EXAMPLES] == [False, True]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str) -> None:
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr

import sys
from pathlib import Path

import pytest

from engineshed.model.errors import JobInvalid
from engineshed.processes.machine import Interpreter, Machine, free_gib
from engineshed.processes.requirements import unmet

PYTHON = Interpreter("3.11.7", {"pyspark": "4.2.0", "charset-normalizer": "3.4.0"})


def test_this_machine_has_something_to_give() -> None:
    machine = Machine.here()
    assert machine.cores >= 1
    assert machine.memory_gib > 0


def test_our_own_interpreter_is_known_without_starting_it() -> None:
    here = Interpreter.at(sys.executable)
    assert here is not None
    assert here.version == sys.version.split()[0]
    assert "pydantic" in here.distributions


def test_another_interpreter_is_asked(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    other = Interpreter.at(str(link))
    assert other is not None
    assert other.version == sys.version.split()[0]
    assert Interpreter.at(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("requirement", "fact"),
    [
        ("pyspark>=4", ()),
        ("PySpark", ()),
        ("charset_normalizer<4", ()),
        ("tomli; python_version < '3.11'", ()),
        ("pyspark<4.2", ("pyspark is 4.2.0, needed is <4.2",)),
        ("pysail", ("pysail is not installed",)),
    ],
)
def test_what_is_lacking_is_named(requirement: str, fact: tuple[str, ...]) -> None:
    assert unmet((requirement,), PYTHON) == fact


def test_what_is_no_requirement_is_refused() -> None:
    with pytest.raises(JobInvalid, match="'==1'"):
        unmet(("==1",), PYTHON)


def test_free_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_gib(str(tmp_path / "a" / "b")) > 0

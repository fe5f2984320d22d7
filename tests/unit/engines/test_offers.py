"""What the engines of this machine offer, and why they do not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engineshed.engines import local, sail
from engineshed.engines.local import Java
from engineshed.model.money import Basis
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.resources import Resources
from engineshed.model.usage import Usage, UsageInterval
from engineshed.ports.engine import Surroundings
from engineshed.ports.prices import PriceUnknown
from engineshed.processes.engine import ProcessEngine
from engineshed.processes.machine import Machine
from engineshed.processes.settings import ProcessSettings

from .conftest import JOB, Book

HALF_AN_HOUR = UsageInterval(
    item="node",
    quantity=1,
    start=datetime(2026, 1, 1, 23, 45, tzinfo=UTC),
    end=datetime(2026, 1, 1, 23, 45, tzinfo=UTC) + timedelta(minutes=30),
)


def engine(surroundings: Surroundings, settings: ProcessSettings | None = None, cores: int = 8) -> ProcessEngine:
    """Sail on a machine of a given size."""
    machine = Machine(cores=cores, memory_gib=16)
    return ProcessEngine(sail.Sail(), settings or ProcessSettings(), surroundings, machine)


def rejection(engine: ProcessEngine, **changes: object) -> Rejection:
    (answer,) = engine.offers(replace(JOB, **changes), Book())  # type: ignore[arg-type] # any field
    assert isinstance(answer, Rejection)
    return answer


def offer(engine: ProcessEngine, book: Book | None = None, **changes: object) -> Offer:
    (answer,) = engine.offers(replace(JOB, **changes), book or Book())  # type: ignore[arg-type] # any field
    assert isinstance(answer, Offer)
    return answer


@pytest.mark.parametrize(("most", "there", "cores"), [("all", 8, 2), (1, 8, 1), ("all", 1, 1)])
def test_cores_are_what_the_job_asks_up_to_what_there_is(
    surroundings: Surroundings, most: object, there: int, cores: int
) -> None:
    settings = ProcessSettings.model_validate({"cores": most})
    made = offer(engine(surroundings, settings, there))
    assert (made.name, made.resources.cores, made.shape["cores"]) == (f"sail[{cores}]", cores, cores)


def test_a_job_larger_than_the_machine_is_turned_down(surroundings: Surroundings) -> None:
    turned_down = rejection(engine(surroundings), resources=Resources(executors=20))
    assert turned_down.code == "memory"
    assert "41 GiB" in turned_down.reason
    assert "has 16" in turned_down.reason


def test_a_job_that_reads_more_than_the_limit_is_turned_down(surroundings: Surroundings) -> None:
    limited = engine(surroundings, ProcessSettings(max_input_bytes=100))
    assert rejection(limited, expected_input_bytes=101).code == "input_too_large"
    for bytes_within in (100, None):
        assert offer(limited, expected_input_bytes=bytes_within).engine == "sail"


def test_a_library_that_is_not_installed_turns_the_job_down(surroundings: Surroundings) -> None:
    turned_down = rejection(engine(surroundings), libraries=("no-such-library>=3",))
    assert turned_down.code == "library_missing"
    assert "no-such-library is not installed" in turned_down.reason


def test_an_interpreter_without_the_extra_says_which_to_install(surroundings: Surroundings, tmp_path: Path) -> None:
    empty = tmp_path / "python"
    empty.write_text('#!/bin/sh\necho \'["3.12.1", {"pyspark": "4.3.0"}]\'\n', encoding="ascii")
    empty.chmod(0o755)
    turned_down = rejection(engine(surroundings, ProcessSettings(python=str(empty))))
    assert turned_down.code == "extra_missing"
    assert "pysail is not installed" in turned_down.reason
    assert "pyspark is 4.3.0" in turned_down.reason
    assert "engineshed[sail]" in turned_down.reason


def test_an_interpreter_that_is_not_there_is_named(surroundings: Surroundings) -> None:
    gone = engine(surroundings, ProcessSettings(python="/no/python"))
    assert "engines.sail.python" in rejection(gone).reason
    assert [check.ok for check in gone.doctor() if check.subject == "python"] == [False]


def test_without_a_price_the_offer_has_no_rates(surroundings: Surroundings) -> None:
    asks_the_book = ProcessSettings(usd_per_hour=None)
    assert offer(engine(surroundings, asks_the_book)).rates is None
    with pytest.raises(PriceUnknown):
        engine(surroundings, asks_the_book).cost(Usage(intervals=(HALF_AN_HOUR,)), Book())


@pytest.mark.parametrize(
    ("own", "book", "usd_per_hour", "source"),
    [
        (Decimal("0.30"), Book(node=Decimal(9)), Decimal("0.30"), "setting engines.sail.usd_per_hour"),
        (None, Book(node=Decimal("0.5")), Decimal("0.5"), "own, 2026-01-02"),
    ],
)
def test_offer_and_cost_agree_on_the_price_and_say_whose_it_is(
    surroundings: Surroundings, own: Decimal | None, book: Book, usd_per_hour: Decimal, source: str
) -> None:
    priced = engine(surroundings, ProcessSettings(usd_per_hour=own))
    rates = offer(priced, book).rates
    assert rates is not None
    assert (rates.total_usd_per_hour, rates.source) == (usd_per_hour, source)
    cost = priced.cost(Usage(intervals=(HALF_AN_HOUR,)), book)
    assert (cost.total_usd, cost.basis) == (usd_per_hour / 2, Basis.METERED)
    assert priced.cost(Usage(intervals=(HALF_AN_HOUR,), complete=False), book).basis is Basis.ESTIMATED


def test_local_without_a_java_says_how_to_get_one(surroundings: Surroundings) -> None:
    (answer,) = local.build({"java_home": "/no/java"}, surroundings).offers(JOB, Book())
    assert isinstance(answer, Rejection)
    assert answer.code == "no_java"
    assert "no Java was found" in answer.reason
    assert "engines.local.java_home" in answer.reason


@pytest.mark.parametrize(
    ("version", "offered"), [("1.8.0_412", False), ("11.0.2", False), ("17.0.15", True), ("21", True)]
)
def test_local_takes_the_java_that_spark_supports(
    surroundings: Surroundings, tmp_path: Path, version: str, offered: bool
) -> None:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '    java.home = /jdk' >&2\necho '    java.version = {version}' >&2\n")
    java.chmod(0o755)
    (answer,) = local.build({"java_home": str(tmp_path / "jdk")}, surroundings).offers(JOB, Book())
    if offered:
        assert isinstance(answer, Offer)
        assert answer.shape["java_home"] == "/jdk"
    else:
        assert isinstance(answer, Rejection)
        assert version in answer.reason


@pytest.mark.parametrize(("version", "major"), [("1.8.0_412", 8), ("17.0.15", 17), ("21", 21), ("25-ea", 25)])
def test_java_majors(version: str, major: int) -> None:
    assert Java("/jdk", version).major == major


def test_settings_show_names_of_variables_but_not_their_values(surroundings: Surroundings) -> None:
    shown = sail.build({"env": {"WORD": "hidden"}}, surroundings).settings()
    assert shown["env"] == ["WORD"]
    assert "hidden" not in str(shown)

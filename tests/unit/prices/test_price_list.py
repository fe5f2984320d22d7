"""Price lists: exact, dated, and refused as a whole when an entry is wrong."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engineshed.cli import cli
from engineshed.model.errors import SettingInvalid
from engineshed.ports.prices import Price, PriceUnknown
from engineshed.prices.books import Books
from engineshed.prices.own import OwnPrices
from engineshed.prices.snapshot import SnapshotPrices, parse_list, shipped_list, to_text

ENTRY = {"item": "ec2:m6a.large", "market": "on_demand", "region": "r", "usd_per_hour": "0.0864", "source": "s"}
DATED = {**ENTRY, "as_of": "2026-11-01"}
MACHINE = {"name": "m6a.large", "platforms": ["emr"], "vcpus": 2, "memory_gib": "8", "architecture": "x86_64"}


def text(prices: list[dict[str, Any]], **more: Any) -> str:
    return json.dumps({"version": 1, "currency": "USD", "prices": prices, "machines": [MACHINE], **more})


def book(*prices: dict[str, Any]) -> SnapshotPrices:
    return SnapshotPrices(parse_list(text(list(prices)), "here"), "here")


def test_a_price_has_its_origin_and_its_date() -> None:
    price = book(DATED).price("ec2:m6a.large", "on_demand", "r")
    assert (price.usd_per_hour, price.source, price.as_of) == (Decimal("0.0864"), "s", date(2026, 11, 1))


def test_what_is_not_listed_is_named_with_region_and_remedy() -> None:
    with pytest.raises(PriceUnknown, match=r"ec2:m6a.large \(spot\) in r: add it to the file"):
        book(DATED).price("ec2:m6a.large", "spot", "r")


def test_machines_are_those_whose_price_is_known_in_the_region() -> None:
    assert [kind.name for kind in book(DATED).instances("emr", "r")] == ["m6a.large"]
    assert book(DATED).instances("emr", "elsewhere") == ()
    assert book(DATED).instances("databricks", "r") == ()


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (text([{**DATED, "usd_per_hour": "-1"}]), "prices.0.usd_per_hour"),
        (text([ENTRY]), "prices.0.as_of"),
        (text([DATED, DATED]), "stands there twice"),
        (text([DATED], currency="EUR"), "currency"),
        (text([{**DATED, "usd_per_hour": "NaN"}]), "usd_per_hour"),
        (text([{**DATED, "colour": "red"}]), "colour"),
        ("{", "no JSON"),
    ],
)
def test_a_wrong_list_is_refused_with_place_and_fact(spoilt: str, said: str) -> None:
    with pytest.raises(SettingInvalid, match="price list here") as refused:
        parse_list(spoilt, "here")
    assert said in str(refused.value)


def test_a_list_comes_back_as_it_was_written_to_the_last_digit() -> None:
    listed = shipped_list()
    assert parse_list(to_text(listed), "again") == listed


def test_what_people_state_goes_before_what_is_listed() -> None:
    own = OwnPrices(
        [
            Price(
                item="ec2:m6a.large",
                market="on_demand",
                usd_per_hour=Decimal("0.05"),
                source="contract",
                as_of=date(2026, 1, 1),
            )
        ]
    )
    books = Books([own, book(DATED, {**DATED, "market": "spot"})])
    assert books.price("ec2:m6a.large", "on_demand", "r").source == "contract"
    assert books.price("ec2:m6a.large", "spot", "r").source == "s"
    assert [kind.name for kind in books.instances("emr", "r")] == ["m6a.large"]


def test_the_table_says_how_old_a_price_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "list.json"
    file.write_text(text([{**DATED, "as_of": "2020-01-01"}]))
    platform = tmp_path / "platform.yaml"
    platform.write_text(f"price_list: {file}\nprices: {{node: {{usd_per_hour: '0.1', as_of: 2026-11-01}}}}\n")
    monkeypatch.setenv("ENGINESHED_PLATFORM", str(platform))
    done = CliRunner().invoke(cli, ["prices", "--json"])
    assert [(p["item"], p["usd_per_hour"]) for p in json.loads(done.stdout)] == [
        ("node", "0.1"),
        ("ec2:m6a.large", "0.0864"),
    ]
    assert "1 of 2 prices are older than 90 days" in CliRunner().invoke(cli, ["prices"]).stdout

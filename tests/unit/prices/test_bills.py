"""Exports as vendors write them: their columns, their corrections, and what is refused."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engineshed.model.billing import Part
from engineshed.model.errors import SettingInvalid
from engineshed.prices.bills import read_export

AT = datetime(2026, 3, 4, tzinfo=UTC)
TOKEN = "es-0123456789abcdef01234567"
EMR = {
    "identity_line_item_id": "a",
    "bill_payer_account_id": "123456789012",
    "line_item_line_item_type": "Usage",
    "line_item_usage_start_date": datetime(2026, 3, 1, 12, tzinfo=UTC),
    "line_item_product_code": "AmazonEC2",
    "line_item_usage_type": "BoxUsage:m5.xlarge",
    "line_item_resource_id": "i-1",
    "line_item_unblended_cost": 0.192,
    "line_item_currency_code": "USD",
    "savings_plan_savings_plan_effective_cost": 0.1,
    "resource_tags": [("user_engineshed_token", TOKEN)],
}
CLUSTER = "arn:aws:elasticmapreduce:eu-central-1:123456789012:cluster/j-2AXXXXXXGAPLF"
USAGE = (
    "record_id,workspace_id,sku_name,cloud,usage_date,usage_end_time,usage_quantity,usage_metadata,custom_tags\n"
    'r1,7,JOBS,AWS,2026-03-01,2026-03-01 13:00:00+00:00,10,"{""job_run_id"": ""55""}","{}"\n'
    'r2,7,JOBS,AWS,2026-03-01,2026-03-01 13:00:00+00:00,-10,"{""job_run_id"": ""55""}","{}"\n'
    'r3,7,JOBS,AWS,2026-03-01,2026-03-01 13:00:00+00:00,8,{},"{""engineshed-token"": ""es-1""}"\n'
)
PRICES = (
    "sku_name,cloud,currency_code,price_start_time,price_end_time,pricing\n"
    'JOBS,AWS,USD,2020-01-01,2026-01-01,"{""default"": ""0.20""}"\n'
    'JOBS,AWS,USD,2026-01-01,,"{""default"": ""0.15"", ""effective_list"": {""default"": ""0.15""}}"\n'
)


def parquet(path: Path, *changes: dict[str, object]) -> Path:
    kind = pa.map_(pa.string(), pa.string())
    rows = [EMR | change for change in changes]
    columns = {name: [row[name] for row in rows] for name in EMR if name != "resource_tags"}
    table = pa.table({**columns, "resource_tags": pa.array([r["resource_tags"] for r in rows], kind)})
    pq.write_table(table, path)
    return path


def test_aws_lines_are_told_by_part_tag_and_cluster(tmp_path: Path) -> None:
    surcharge = {"line_item_product_code": "ElasticMapReduce", "line_item_resource_id": CLUSTER, "resource_tags": []}
    disk = {"line_item_usage_type": "EUC1-EBS:VolumeUsage.gp3", "line_item_unblended_cost": 0.01}
    covered = {"line_item_line_item_type": "SavingsPlanCoveredUsage"}
    negation = {"line_item_line_item_type": "SavingsPlanNegation", "line_item_unblended_cost": -0.192}
    lines = read_export([parquet(tmp_path / "cur.parquet", {}, surcharge, disk, covered, negation)], AT).lines
    assert [(line.part, line.usd, line.token, line.run_id) for line in lines] == [
        (Part.COMPUTE, Decimal("0.192"), TOKEN, ""),
        (Part.SURCHARGE, Decimal("0.192"), "", "j-2AXXXXXXGAPLF"),
        (Part.STORAGE, Decimal("0.01"), TOKEN, ""),
        (Part.COMPUTE, Decimal("0.1"), TOKEN, ""),
    ]


def test_files_that_overlap_give_a_line_once_and_equal_lines_of_one_file_are_two(tmp_path: Path) -> None:
    first = parquet(tmp_path / "1.parquet", {}, {}, {"identity_line_item_id": "b"})
    second = parquet(tmp_path / "2.parquet", {"identity_line_item_id": "b"}, {"identity_line_item_id": "c"})
    assert len(read_export([first, second, first], AT).lines) == 4


def test_databricks_usage_is_priced_at_its_time_and_retractions_count(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text(USAGE)
    (tmp_path / "prices.csv").write_text(PRICES)
    lines = read_export([tmp_path / "usage.csv", tmp_path / "prices.csv"], AT).lines
    assert [(line.usd, line.run_id, line.token) for line in lines] == [
        (Decimal("1.50"), "55", ""),
        (Decimal("-1.50"), "55", ""),
        (Decimal("1.20"), "", "es-1"),
    ]
    with pytest.raises(SettingInvalid, match="JOBS has 0 prices"):
        read_export([tmp_path / "usage.csv"], AT)


PLAIN = "account,day,part,cost_usd\nown,2026-03-01,compute,1\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("day,cost_usd\n2026-03-01,1\n", "lacks account, part"),
        ("", "lacks all columns of one"),
        ("a,b\n1,2\n", "lacks all columns of one"),
        (f"{PLAIN}own,2026-03-01,compute,much\n", r"own.csv, line 3, column cost_usd: 'much' is no number"),
        (f"{PLAIN}own,2026-03-01,compute,\n", "line 3, column cost_usd: is empty"),
        (f"{PLAIN}own,2026-03-01,compute,1_000\n", "line 3, column cost_usd: '1_000' is no number"),
        (f"{PLAIN}own,2026-03-01,compute,NaN\n", "line 3, column cost_usd: 'NaN' is no number"),
        (f"{PLAIN}own,2026-03-01,compute,1e99\n", "line 3, column cost_usd: 1e99 is no amount of a bill"),
        (f"{PLAIN}own,2026-03-01,compute,1e999999999\n", "line 3, column cost_usd"),
        (f"{PLAIN},2026-03-01,compute,1\n", "line 3, column account: is empty"),
        (f"{PLAIN}own,yesterday,compute,1\n", "line 3, column day: 'yesterday' is no time: write 2026-11-05"),
        (f"{PLAIN}own,0001-01-01T00:00:00+05:00,compute,1\n", "line 3, column day"),
        (f"{PLAIN}own,2026-03-05,compute,1\n", r"2026-03-05 is no day of an export made at 2026-03-04 .*--exported"),
        (f"{PLAIN}own,1970-01-01,compute,1\n", "line 3, column day: 1970-01-01 is no day"),
        (f"{PLAIN}own,2026-03-01,gas,1\n", "line 3, column part: is 'gas', not one of compute, storage, surcharge"),
        (f"{PLAIN}own,2026-03-01,compute\n", "line 3: has not as many cells"),
        (f"{PLAIN}own,2026-03-01,compute,1,2\n", "line 3: has not as many cells"),
        (f"{PLAIN}o\0wn,2026-03-01,compute,1\n", "own.csv"),
        ('account,day,part,cost_usd,what\nown,2026-03-01,compute,1,"two\nlines"\nown,2026-03-01,oil,1,x\n', "line 4"),
        ("account,day,part,cost_usd,part\nown,2026-03-01,compute,1,2\n", "several columns part"),
        ("account,day,part,cost_usd,currency\nown,2026-03-01,compute,1,EUR\n", "line 2, column currency: is 'EUR'"),
        ('account,day,part,cost_usd\nown,2026-03-01,"compute,1\n', "cannot be read"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_place(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(SettingInvalid, match=why) as refused:
        read_export([tmp_path / "own.csv"], AT)
    assert "nothing was imported" in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8b broken", gzip.compress(PLAIN.encode())[:-9], b"PAR1 and then nothing", "\u00e4".encode("latin-1")],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(SettingInvalid, match=r"own\.csv cannot be read .* nothing was imported"):
        read_export([tmp_path / "own.csv"], AT)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"line_item_currency_code": "EUR"},
            "row 2, column line_item_currency_code: is 'EUR', the ledger keeps dollars",
        ),
        ({"line_item_unblended_cost": float("nan")}, "row 2, column line_item_unblended_cost: 'nan' is no number"),
        ({"resource_tags": [("user_engineshed_token", "es-\0")]}, "row 2, column resource_tags"),
    ],
)
def test_a_row_of_aws_is_refused_by_its_number(tmp_path: Path, change: dict[str, object], why: str) -> None:
    with pytest.raises(SettingInvalid, match=rf"cur\.parquet, {why}"):
        read_export([parquet(tmp_path / "cur.parquet", {}, change)], AT)


@pytest.mark.parametrize(
    ("usage", "prices", "why"),
    [
        ('"{""job_run_id"": ""55""}"', "EUR", r"usage\.csv, line 2, column sku_name: JOBS has 0 prices in dollars"),
        ("{not json", "USD", r"usage\.csv, line 2, column usage_metadata: holds no JSON"),
        ("[1]", "USD", r"usage\.csv, line 2, column usage_metadata: holds no map"),
        ("[" * 100_000, "USD", r"usage\.csv, line 2, column usage_metadata: holds no JSON"),
        ('"{""job_run_id"": ""\\ud800""}"', "USD", r"usage\.csv, line 2, column usage_metadata: holds letters"),
    ],
)
def test_usage_of_databricks_is_refused_by_its_line(tmp_path: Path, usage: str, prices: str, why: str) -> None:
    header, first, *_ = USAGE.splitlines()
    place = first.index('"{')
    (tmp_path / "usage.csv").write_text(f'{header}\n{first[:place]}{usage},"{{}}"\n')
    (tmp_path / "prices.csv").write_text(PRICES.replace("USD", prices))
    with pytest.raises(SettingInvalid, match=why):
        read_export([tmp_path / "usage.csv", tmp_path / "prices.csv"], AT)


def test_a_charge_is_exact_to_a_trillionth_of_a_dollar(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        f"{PLAIN}own,2026-03-01,storage,0.1234567890125000001\nown,2026-03-01,surcharge,-1e-3\n"
    )
    lines = read_export([tmp_path / "own.csv"], AT).lines
    assert [line.usd for line in lines] == [Decimal(1), Decimal("0.123456789013"), Decimal("-0.001")]

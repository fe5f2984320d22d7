"""The dataset hash: equal for equal contents, different for different ones, and what the documentation says it is."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engineshed.model.errors import StoreError
from engineshed.storage.hashing import dataset_hash


def hash_of(values: list[Any], kind: pa.DataType) -> str:
    return dataset_hash(pa.table({"c": pa.array(values, type=kind)}))


def test_text_that_is_hashed_is_the_documented_one() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    table = pa.table(
        {
            "text": pa.array(['ä"\\\n\x01/', None]),
            "count": pa.array([2, -1], pa.int32()),
            "share": pa.array([-0.0, float("nan")]),
            "at": pa.array([moment, None], pa.timestamp("ns", "Europe/Berlin")),
            "day": pa.array([date(1970, 1, 3), date(1969, 12, 31)]),
            "usd": pa.array([Decimal("1.10"), Decimal("-0.00")], pa.decimal128(10, 2)),
            "raw": pa.array([b"\x00\xff", b""]),
            "tags": pa.array([{"b": [1, None], "a": []}, None], pa.map_(pa.string(), pa.list_(pa.int64()))),
            "pair": pa.array([{"x": 1.5, "y": None}, None], pa.struct([("x", pa.float64()), ("y", pa.bool_())])),
        }
    )
    text = (
        '["engineshed dataset 1",[["text","string"],["count","int32"],["share","double"],["at","timestamp"],'
        '["day","date"],["usd","decimal(10,2)"],["raw","binary"],["tags",{"map":["string",{"list":"int64"}]}],'
        '["pair",{"struct":[["x","double"],["y","bool"]]}]]]\n'
        '["ä\\"\\\\\\n\\u0001/",2,0.0,-1,2,"1.10","00ff",[["a",[]],["b",[1,null]]],[1.5,null]]\n'
        '[null,-1,"NaN",null,-1,"0.00","",null,null]'
    )
    assert dataset_hash(table) == hashlib.sha256(text.encode()).hexdigest()


def test_empty_table_is_its_schema() -> None:
    text = '["engineshed dataset 1",[["c","string"]]]'
    assert hash_of([], pa.string()) == hashlib.sha256(text.encode()).hexdigest()


MOMENT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        (["a", None, "b"], [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]),
        ([b"a", None], [pa.binary(), pa.large_binary(), pa.binary(1), pa.binary_view()]),
        (
            [MOMENT, None],
            [
                pa.timestamp("s", "UTC"),
                pa.timestamp("ms", "Asia/Kathmandu"),
                pa.timestamp("us"),
                pa.timestamp("ns", "UTC"),
            ],
        ),
        ([date(2026, 3, 1), None], [pa.date32(), pa.date64()]),
        ([time(1, 2, 3), None], [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")]),
        ([timedelta(seconds=3), None], [pa.duration("s"), pa.duration("ns")]),
        ([Decimal("1.10"), None], [pa.decimal128(10, 2), pa.decimal256(10, 2)]),
        (
            [[1, None], None, []],
            [
                pa.list_(pa.int64()),
                pa.large_list(pa.int64()),
                pa.list_(pa.field("element", pa.int64())),
                pa.list_view(pa.int64()),
            ],
        ),
        ([[1, 2], None], [pa.list_(pa.int64()), pa.list_(pa.int64(), 2)]),
        (
            [[("k", "v")], None],
            [pa.map_(pa.string(), pa.string()), pa.map_(pa.large_string(), pa.dictionary(pa.int8(), pa.string()))],
        ),
        (
            [{"x": "a"}, None],
            [pa.struct([("x", pa.string())]), pa.struct([pa.field("x", pa.large_string(), metadata={"k": "v"})])],
        ),
        ([[{"at": MOMENT}]], [pa.list_(pa.struct([("at", pa.timestamp(unit, "UTC"))])) for unit in ("ms", "ns")]),
    ],
)
def test_what_engines_write_differently_is_equal(values: list[Any], kinds: list[pa.DataType]) -> None:
    assert len({hash_of(values, kind) for kind in kinds}) == 1


def test_nullability_metadata_and_chunks_do_not_matter() -> None:
    strict = pa.schema([pa.field("a", pa.string(), nullable=False), pa.field("b", pa.int64())], metadata={"k": "v"})
    loose = pa.schema([pa.field("a", pa.string()), pa.field("b", pa.int64(), metadata={"x": "y"})])
    one = pa.table({"a": ["x", "y", "z"], "b": [1, 2, 3]}, schema=strict)
    other = pa.concat_tables(
        [pa.table({"a": ["z"], "b": [3]}, schema=loose), pa.table({"a": ["x", "y"], "b": [1, 2]}, schema=loose)]
    )
    assert dataset_hash(one) == dataset_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.table({"a": [1, 2]}), pa.table({"a": [1, 2, 2]})),
        (pa.table({"a": [1]}), pa.table({"b": [1]})),
        (pa.table({"a": [1], "b": [1]}), pa.table({"b": [1], "a": [1]})),
        (pa.table({"a": pa.array([1], pa.int32())}), pa.table({"a": pa.array([1], pa.int64())})),
        (pa.table({"a": ["x", "y"], "b": [1, 2]}), pa.table({"a": ["x", "y"], "b": [2, 1]})),
        (pa.table({"a": ["1"]}), pa.table({"a": [1]})),
        (pa.table({"a": pa.array([None], pa.string())}), pa.table({"a": [""]})),
        (pa.table({"a": [[1], [2, 3]]}), pa.table({"a": [[1, 2], [3]]})),
        (pa.table({"a": [{"x": None}]}), pa.table({"a": pa.array([None], pa.struct([("x", pa.null())]))})),
        (pa.table({"a": [float("nan")]}), pa.table({"a": [None]}, schema=pa.schema([("a", pa.float64())]))),
        (pa.table({"a": [float("inf")]}), pa.table({"a": [float("-inf")]})),
        (pa.table({"a": [0.1 + 0.2]}), pa.table({"a": [0.3]})),
        (pa.table({"a": [MOMENT]}), pa.table({"a": [MOMENT + timedelta(microseconds=1)]})),
    ],
)
def test_different_contents_differ(one: pa.Table, other: pa.Table) -> None:
    assert dataset_hash(one) != dataset_hash(other)


def test_zeros_are_one_and_so_are_nans() -> None:
    assert hash_of([0.0, float("nan")], pa.float64()) == hash_of([-float("nan"), -0.0], pa.float64())
    assert hash_of([0.0], pa.float32()) == hash_of([-0.0], pa.float32())


def test_slices_hash_as_their_rows() -> None:
    kinds = {
        "list": pa.list_(pa.int64()),
        "map": pa.map_(pa.string(), pa.int64()),
        "view": pa.list_view(pa.int64()),
        "fixed": pa.list_(pa.int64(), 1),
        "struct": pa.struct([("x", pa.int64())]),
        "words": pa.dictionary(pa.int8(), pa.string()),
    }
    rows: dict[str, list[Any]] = {
        "list": [[1], None, [2, 3], [], [4]],
        "map": [[("a", 1)], None, [("b", 2), ("c", 3)], [], [("d", 4)]],
        "view": [[1], None, [2, 3], [], [4]],
        "fixed": [[1], None, [3], [None], [4]],
        "struct": [{"x": 1}, None, {"x": 3}, {"x": None}, {"x": 4}],
        "words": ["a", None, "b", "a", "c"],
    }
    whole = pa.table({name: pa.array(values, kinds[name]) for name, values in rows.items()})
    for start, length in ((0, 2), (1, 3), (2, 2), (4, 1), (3, 0)):
        part = {name: pa.array(values[start : start + length], kinds[name]) for name, values in rows.items()}
        assert dataset_hash(whole.slice(start, length)) == dataset_hash(pa.table(part))


def test_far_times_are_not_wrapped_around() -> None:
    with pytest.raises(pa.ArrowInvalid, match="out of bounds"):
        hash_of([2**62], pa.timestamp("s"))


def test_type_without_canonical_form_is_refused() -> None:
    with pytest.raises(StoreError, match="month_day_nano_interval"):
        hash_of([(1, 2, 3)], pa.month_day_nano_interval())


rows_of_texts = st.lists(st.tuples(st.text() | st.none(), st.integers(0, 3), st.floats()), max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows=rows_of_texts, data=st.data())
def test_any_order_and_any_chunks_hash_alike(rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    def table(some: list[tuple[Any, ...]]) -> pa.Table:
        kinds = (pa.string(), pa.int64(), pa.float64())
        return pa.table({str(i): pa.array([row[i] for row in some], kind) for i, kind in enumerate(kinds)})

    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    assert dataset_hash(table(rows)) == dataset_hash(pa.concat_tables([table(shuffled[:cut]), table(shuffled[cut:])]))


def test_hash_is_the_same_in_another_process() -> None:
    code = (
        "import pyarrow as pa\nfrom engineshed.storage.hashing import dataset_hash\n"
        "print(dataset_hash(pa.table({'a': ['x']})))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert said == dataset_hash(pa.table({"a": ["x"]}))

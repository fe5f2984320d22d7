"""Reading a growing file: whatever the chunks and wherever a reader starts, nothing lost, doubled or renumbered."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineshed.channels.lines import Place, read_lines
from engineshed.model.errors import ChannelError
from engineshed.model.message import Batch, Message

TEXT = st.text(max_size=40)
PAYLOADS = st.one_of(TEXT, st.integers(), st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=3))


def line(payload: object = 0, method: str = "report_custom_message") -> bytes:
    message = {"__dagster_pipes_version": "0.1", "method": method, "params": {"payload": payload}}
    return json.dumps(message).encode() + b"\n"


MESSAGES = st.builds(line, PAYLOADS)
FOREIGN = st.one_of(
    st.binary(max_size=40).map(lambda junk: b"#" + junk.replace(b"\n", b" ") + b"\n"),
    st.sampled_from(
        [b"\n", b"null\n", b'{"method": "log", "params": {}}\n', line()[:-9] + b"\n", b"[" * 100_000 + b"\n"]
    ),
    st.just(b'{"__dagster_pipes_version": "0.1", "method": 7, "params": {}}\n'),
)


def expected(lines: list[bytes]) -> list[Message]:
    return [
        Message(number, "report_custom_message", json.loads(text)["params"])
        for number, text in enumerate(lines, start=1)
        if text.startswith(b'{"__dagster_pipes_version": "0.1", "method": "report') and text.endswith(b"}}\n")
    ]


def drain(path: Path, cursor: str = "", poll_bytes: int = 4096) -> list[Batch]:
    batches = []
    while (batch := read_lines(path, cursor, poll_bytes=poll_bytes)).cursor != cursor:
        batches.append(batch)
        cursor = batch.cursor
    return batches


def messages_of(batches: list[Batch]) -> list[Message]:
    return [message for batch in batches for message in batch.messages]


@given(
    lines=st.lists(st.one_of(MESSAGES, MESSAGES, FOREIGN), max_size=30),
    cuts=st.lists(st.integers(min_value=0, max_value=3000), max_size=12),
    poll_bytes=st.integers(min_value=1, max_value=300),
)
def test_any_chunks_and_any_restart_give_each_message_once(lines, cuts, poll_bytes):
    whole = b"".join(lines)
    wanted = expected(lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "messages.jsonl")
        batches: list[Batch] = []
        edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
        for start, end in pairwise(edges):
            with path.open("ab") as file:
                file.write(whole[start:end])
            batches += drain(path, batches[-1].cursor if batches else "", poll_bytes)
        assert messages_of(batches) == wanted
        assert sum(batch.damaged for batch in batches) == len(lines) - len(wanted)
        for batch in batches:
            sequence = Place.parse(batch.cursor).lines
            rest = messages_of(drain(path, batch.cursor, poll_bytes))
            assert rest == [message for message in wanted if message.sequence > sequence]


def test_a_torn_last_line_waits_for_its_end(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(line(1) + line(2)[:-5])
    first = read_lines(path, "")
    assert [message.params["payload"] for message in first.messages] == [1]
    assert read_lines(path, first.cursor) == Batch(cursor=first.cursor)
    path.write_bytes(line(1) + line(2))
    assert [message.sequence for message in read_lines(path, first.cursor).messages] == [2]


def test_a_torn_line_healed_by_the_next_writer_costs_only_itself(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(line(1) + line(2)[:-5] + b"\n" + line(3))
    batch = read_lines(path, "")
    assert [(message.sequence, message.params["payload"]) for message in batch.messages] == [(1, 1), (3, 3)]
    assert batch.damaged == 1


def test_a_poll_is_bounded_but_a_longer_line_comes_whole(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(line("a" * 100) * 10 + line("b" * 5000) + line("c"))
    batches = drain(path, poll_bytes=400)
    assert max(len(batch.messages) for batch in batches) <= 3
    assert [message.params["payload"][0] for message in messages_of(batches)] == ["a"] * 10 + ["b", "c"]


def test_a_monstrous_line_is_passed_over_and_counted(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(line("a") + line("b" * 9000))
    first = read_lines(path, "", poll_bytes=500, longest=2000)
    assert [message.params["payload"] for message in first.messages] == ["a"]
    second = read_lines(path, first.cursor, poll_bytes=500, longest=2000)
    assert (second.messages, second.damaged) == ((), 1)
    with path.open("ab") as file:
        file.write(line("c"))
    assert [m.sequence for m in read_lines(path, second.cursor, poll_bytes=500, longest=2000).messages] == [3]


def test_closed_stays_closed_and_later_lines_still_come(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(line(1) + line(method="closed"))
    end = read_lines(path, "")
    assert end.closed
    assert read_lines(path, end.cursor) == Batch(cursor=end.cursor, closed=True)
    with path.open("ab") as file:
        file.write(line(2))
    late = read_lines(path, end.cursor)
    assert ([message.sequence for message in late.messages], late.closed) == ([3], True)


def test_a_file_not_there_yet_is_empty(tmp_path):
    assert read_lines(tmp_path / "m", "") == Batch()


@pytest.mark.parametrize(
    ("now", "fact"),
    [
        (None, "is gone, although 2 lines"),
        (line(1), "has shrunk"),
        (line(7) + line(8) + line(9), "was replaced"),
    ],
)
def test_a_file_that_is_not_the_one_read_before_is_an_error(tmp_path, now, fact):
    path = tmp_path / "m"
    path.write_bytes(line(1) + line(2))
    cursor = read_lines(path, "").cursor
    path.unlink()
    if now is not None:
        path.write_bytes(now)
    with pytest.raises(ChannelError, match=fact) as caught:
        read_lines(path, cursor)
    assert str(path) in str(caught.value)


def test_a_copy_of_the_file_is_as_good_as_the_file(tmp_path):
    (tmp_path / "m").write_bytes(line(1))
    cursor = read_lines(tmp_path / "m", "").cursor
    (tmp_path / "restored").write_bytes(line(1) + line(2))
    assert [message.sequence for message in read_lines(tmp_path / "restored", cursor).messages] == [2]


@pytest.mark.parametrize("cursor", ["x", "1:2", "1:2:0:zz", "a:b:c:d"])
def test_what_is_no_cursor_is_named(tmp_path, cursor):
    with pytest.raises(ChannelError, match="no cursor of a file channel"):
        read_lines(tmp_path / "m", cursor)

"""How many lines become few messages, and what stays as it was said."""

from __future__ import annotations

from itertools import cycle, islice

from hypothesis import given
from hypothesis import strategies as st

from engineshed.model.message import Message
from engineshed.running.spoken import folded

LEVELS = ("debug", "info", "warning", "error", "critical")


def logs(*said: tuple[str, str]) -> list[Message]:
    return [Message(n, "log", {"level": level, "message": text}) for n, (level, text) in enumerate(said, start=1)]


def told(messages: list[Message], *, flood: bool = True) -> list[tuple[str, str]]:
    return [(m.params["level"], m.params["message"]) for m in folded(messages, flood=flood)]


def test_few_are_handed_on_one_by_one() -> None:
    said = [("info", "a"), ("debug", "b"), ("error", "c")]
    assert told(logs(*said), flood=False) == said


def test_many_become_one_that_says_how_many_it_stands_for() -> None:
    assert told(logs(("info", "a"), ("info", "b"), ("debug", "c"))) == [("info", "[3 messages]\na\nb\n[debug] c")]
    [message] = folded(logs(("info", "a"), ("info", "b")), flood=True)
    assert (message.sequence, message.params["count"]) == (1, 2)


def test_warnings_and_errors_stay_where_their_level_shows_them() -> None:
    said = logs(("info", "a"), ("info", "b"), ("warning", "w"), ("error", "e"), ("error", "f"), ("info", "c"))
    assert told(said) == [
        ("info", "[2 messages]\na\nb"),
        ("warning", "w"),
        ("error", "[2 messages]\ne\nf"),
        ("info", "c"),
    ]


def test_levels_that_change_all_the_time_are_told_line_by_line() -> None:
    said = logs(*islice(cycle([("info", "fine"), ("error", "bad")]), 100))
    [(level, text)] = told(said)
    assert level == "error"
    assert text.splitlines() == ["[100 messages]", *["[info] fine", "bad"] * 50]


def test_streamed_text_is_joined_and_breaks_no_group() -> None:
    streamed = [Message(n, "log_external_stream", {"stream": "stdout", "text": f"{n}\n"}) for n in (2, 4)]
    lines = logs(("info", "a"), ("info", "b"), ("info", "c"))
    said = list(folded([lines[0], streamed[0], lines[1], streamed[1], lines[2]], flood=True))
    assert [m.params.get("text") or m.params["message"] for m in said] == ["2\n4\n", "[3 messages]\na\nb\nc"]


@given(
    said=st.lists(st.tuples(st.sampled_from(LEVELS), st.sampled_from(["a", "two\nlines", "", "x" * 40_000]))),
    flood=st.booleans(),
)
def test_no_line_is_lost_or_changes_its_place_and_none_grows_too_large(
    said: list[tuple[str, str]], flood: bool
) -> None:
    lines: list[str] = []
    for level, text in told(logs(*said), flood=flood):
        rows = text.split("\n")
        if text.startswith("["):
            assert len(text) < 130_000
            rows = [row if row.startswith("[") or not row else f"[{level}] {row}" for row in rows[1:]]
        else:
            rows = [f"[{level}] {row}" if row else row for row in rows]
        lines += rows
    assert [line.rpartition("] ")[2] for line in lines] == [row for _, text in said for row in text.split("\n")]
    assert len(told(logs(*said))) <= 12 + sum(len(text) for _, text in said) // 20_000

"""Reading a log that is asked for by the second: nothing twice, nothing lost, or a word about it."""

import pytest

from engineshed.model.errors import ChannelError
from engineshed.processes.stamped import Place, after, lines_of, part_of

LOG = (
    b"2026-05-01T12:00:00.100000000Z first\n"
    b"2026-05-01T12:00:00.100000000Z second\n"
    b"2026-05-01T12:00:01.500000000Z third\n"
    b"2026-05-01T12:00:01.400000000Z fourth, a little early\n"
    b"2026-05-01T12:00:02.000000000Z fi"
)


def read(log: bytes, cursor: str, most: int = 100) -> tuple[list[bytes], str]:
    found = list(after(lines_of([log[:40], log[40:]]), Place.parse(cursor)))[:most]
    return [text for text, _ in found], str(found[-1][1]) if found else cursor


def test_from_the_start_and_from_every_place_on() -> None:
    texts, _ = read(LOG, "")
    assert texts == [b"first\n", b"second\n", b"third\n", b"fourth, a little early\n", b"fi"]
    for count in range(1, 5):
        _, cursor = read(LOG, "", count)
        assert read(LOG, cursor)[0] == texts[count:]


def test_the_log_is_asked_for_from_a_second_before() -> None:
    _, cursor = read(LOG, "", 3)
    assert Place.parse(cursor).since == "2026-05-01T12:00:00+00:00"
    assert Place.parse("").since == ""


def test_a_line_that_was_taken_in_part_goes_on() -> None:
    ((text, here),) = list(after(lines_of([LOG]), Place.parse("")))[:1]
    cursor = str(part_of(Place(), here, 2))
    texts, _ = read(LOG, cursor)
    assert (text[:2] + texts[0], texts[1]) == (b"first\n", b"second\n")
    again = part_of(Place.parse(cursor), here, 1)
    assert read(LOG, str(again))[0][0] == b"st\n"


def test_the_tail_of_an_earlier_line_is_passed_over() -> None:
    _, cursor = read(LOG, "", 1)
    assert read(b"ail of a long line\n" + LOG, cursor)[0][0] == b"second\n"


def test_a_log_that_was_rotated_is_not_read_on_in_silence() -> None:
    _, cursor = read(LOG, "", 2)
    rotated = LOG.split(b"\n", 2)[2]
    with pytest.raises(ChannelError, match="rotated"):
        read(rotated, cursor)


def test_the_count_is_the_readers_own() -> None:
    ((_, here),) = list(after(lines_of([LOG]), Place(count=7)))[:1]
    assert Place.parse(str(here)).count == 7


@pytest.mark.parametrize("cursor", ["12", "a|b|c|d"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ChannelError, match="no cursor"):
        Place.parse(cursor)

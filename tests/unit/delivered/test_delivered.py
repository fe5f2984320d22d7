from __future__ import annotations

import gzip
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engineshed.delivered import DeliveredLog, DeliveredLogs, Part, rolled
from engineshed.model.errors import ChannelError
from engineshed.testing import VirtualClock

from .delivery import Delivery

KINDS = ("plain", "whole", "members")


class Asker:
    """Asks for the log piece by piece, as a watcher does; may be restarted."""

    def __init__(self, **sources: Delivery) -> None:
        self.sources = sources
        self.cursor = ""
        self.text = ""
        self.restart()

    def restart(self) -> None:
        self.log = DeliveredLog(self.sources)

    def ask(self, *, final: bool = False) -> str:
        """One piece."""
        chunk = self.log.next(self.cursor, final=final)
        assert len(chunk.text.encode()) <= 64 * 1024
        self.cursor = chunk.cursor
        self.text += chunk.text
        return chunk.text

    def drain(self, *, final: bool = False) -> str:
        """All there is."""
        before = len(self.text)
        while self.ask(final=final):
            pass
        return self.text[before:]


LINES = st.sampled_from(
    [b"a\n", b"half a line", b"\n", "straße €\n".encode(), b"x" * 700 + b"\n", b"y" * 70_000 + b"\n"]
)
STEPS = st.lists(
    st.one_of(
        LINES.map(lambda line: ("write", line)),
        st.sampled_from([("push", b""), ("archives", b""), ("roll", b""), ("roll_gz", b"")]),
        st.sampled_from([("ask", b""), ("drain", b""), ("restart", b"")]),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(steps=STEPS, kind=st.sampled_from(KINDS))
def test_all_that_was_delivered_arrives_once_in_order(steps: list[tuple[str, bytes]], kind: str) -> None:
    """Pushed whole or by members, rolled in between, read at any moment, by any number of readers after one another."""
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    actions: dict[str, Callable[[bytes], object]] = {
        "write": delivery.write,
        "push": lambda _: delivery.push(kind),
        "archives": lambda _: (asker.drain(), delivery.push_archives()),
        "roll": lambda _: delivery.roll(compressed=False),
        "roll_gz": lambda _: delivery.roll(compressed=True),
        "ask": lambda _: asker.ask(),
        "drain": lambda _: asker.drain(),
        "restart": lambda _: asker.restart(),
    }
    for action, argument in steps:
        actions[action](argument)
    delivery.push(kind)
    asker.drain(final=True)
    assert asker.text == delivery.written.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_that_is_not_done_waits_until_the_run_has_ended(kind: str) -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write("done\nhalf ä".encode()[:-1])
    delivery.push(kind)
    assert asker.drain() == "done\n"
    assert asker.drain(final=True) == "half �"


def test_nothing_is_there_before_the_first_delivery() -> None:
    asker = Asker(stdout=Delivery(), stderr=Delivery())
    assert (asker.ask(), asker.cursor) == ("", "")
    assert asker.ask(final=True) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_that_was_not_pushed_again_is_not_read_again(kind: str) -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"line\n" * 1000 + b"half")
    delivery.push(kind)
    asker.drain()
    reads = delivery.reads
    asker.restart()
    assert asker.drain() == ""
    assert delivery.reads == reads


def test_of_a_plain_log_only_what_is_new_is_read() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"line\n" * 100_000)
    delivery.push()
    asker.drain()
    read = delivery.bytes_read
    delivery.write(b"more\n")
    delivery.push()
    assert asker.drain() == "more\n"
    assert delivery.bytes_read - read < 1000


def test_of_a_log_of_gzip_members_only_what_is_new_is_read() -> None:
    noise = random.Random(1)
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(noise.randbytes(500_000).hex().encode() + b"\n")
    delivery.push("members")
    asker.drain()
    read = delivery.bytes_read
    delivery.write(b"more\n")
    delivery.push("members")
    asker.restart()
    assert asker.drain() == "more\n"
    assert delivery.bytes_read - read < 1000


def test_a_large_gzipped_log_is_decoded_once_by_one_reader() -> None:
    noise = random.Random(1)
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"".join(b"%d\n" % noise.getrandbits(64) for _ in range(100_000)))
    delivery.push("whole")
    size = len(delivery.objects["stdout.gz"][0])
    asker.drain()
    assert asker.text == delivery.written.decode()
    assert delivery.bytes_read < 1.1 * size


def test_lines_of_two_streams_do_not_stand_within_each_other() -> None:
    out, err = Delivery(), Delivery()
    asker = Asker(stderr=err, stdout=out)
    for n in range(3000):
        out.write(b"o%d%s\n" % (n, b"o" * (50_000 if n == 1 else n % 300)))
        err.write(b"e%d%s\n" % (n, b"e" * (90_000 if n == 7 else n % 200)))
    out.push("whole")
    err.push()
    asker.drain(final=True)
    lines = asker.text.encode().splitlines(keepends=True)
    assert b"".join(line for line in lines if line.startswith(b"o")) == out.written
    assert b"".join(line for line in lines if line.startswith(b"e")) == err.written


def test_an_archive_that_comes_later_than_its_successor_is_waited_for() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"first\n")
    delivery.push()
    asker.drain()
    delivery.write(b"second\n")
    delivery.roll(compressed=True)
    delivery.write(b"third\n")
    delivery.put("stdout", delivery.active)
    assert asker.drain() == ""
    delivery.push_archives()
    asker.drain()
    assert asker.text == "first\nsecond\nthird\n"


def test_an_archive_that_never_comes_is_said_to_be_missing() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"first\nha")
    delivery.push()
    asker.drain()
    delivery.active = b""
    for _ in range(2):
        delivery.write(b"after\n")
        delivery.put("stdout", delivery.active)
        assert asker.drain() == ""
        assert asker.drain() == ""
    delivery.write(b"after\n")
    delivery.put("stdout", delivery.active)
    assert asker.drain() == "[engineshed: the log was rolled here; lines may be missing]\nafter\nafter\nafter\n"


def test_what_is_missing_is_said_at_once_when_the_run_has_ended() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"first\n")
    delivery.push()
    asker.drain()
    delivery.put("stdout", b"other\n")
    assert asker.drain() == ""
    assert asker.drain(final=True) == "[engineshed: the log was rolled here; lines may be missing]\nother\n"


def test_of_an_archive_that_came_too_late_it_is_said_that_lines_may_be_missing() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"late\n")
    delivery.roll(compressed=False)
    delivery.write(b"new\n")
    delivery.put("stdout", delivery.active)
    asker.drain()
    delivery.write(b"newer\n")
    delivery.push()
    asker.drain()
    assert asker.text == "new\n[engineshed: the log was rolled here; lines may be missing]\nnewer\n"


@pytest.mark.parametrize("cut", [20, 3])
def test_a_gzip_that_was_cut_short_gives_what_it_holds_and_then_the_rest(cut: int) -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"".join(b"%d\n" % n for n in range(2000)))
    whole = gzip.compress(delivery.written)
    delivery.put("stdout.gz", whole[:-cut])
    assert delivery.written.decode().startswith(asker.drain())
    delivery.put("stdout.gz", whole)
    asker.drain(final=True)
    assert asker.text == delivery.written.decode()


def test_a_gzip_that_is_damaged_is_waited_for_and_in_the_end_said() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.put("stdout.gz", gzip.compress(b"good\n") + b"no gzip at all")
    assert asker.drain() == "good\n"
    assert asker.drain(final=True) == "[engineshed: the rest of logs/stdout.gz cannot be decoded]\n"


def test_a_damaged_archive_does_not_hold_up_what_came_after() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.put("stdout--2024-03-01--01-00.gz", gzip.compress(b"good\n") + b"no gzip at all")
    delivery.put("stdout", b"after\n")
    said = "[engineshed: the rest of logs/stdout--2024-03-01--01-00.gz cannot be decoded]\n"
    assert asker.drain() == f"good\n{said}after\n"


def test_a_part_that_is_replaced_while_it_is_read_is_read_as_it_is_now() -> None:
    delivery = Delivery()
    asker = Asker(stdout=delivery)
    delivery.write(b"".join(b"%d\n" % n for n in range(100_000)))
    delivery.roll(compressed=True)
    delivery.push()
    asker.ask()
    delivery.objects = {
        name: (gzip.compress(gzip.decompress(data)) if name.endswith(".gz") else data, f"{version}'")
        for name, (data, version) in delivery.objects.items()
    }
    while not asker.text.endswith("99999\n"):
        asker.ask()
    assert asker.text == delivery.written.decode()


def test_a_cursor_of_another_kind_is_refused() -> None:
    for cursor in ("12", "7:3:0", '{"stdout": 3}'):
        with pytest.raises(ChannelError, match="no cursor of a delivered log"):
            DeliveredLog({"stdout": Delivery()}).next(cursor, final=False)


def test_archives_go_by_their_dates_and_other_files_are_left_out() -> None:
    names = [
        "driver/stdout",
        "driver/stdout--2024-03-02--00-00",
        "driver/stdout--2024-03-01--23-00.gz",
        "driver/stdout--2024-03-01--23-00--1.gz",
        "driver/stdout.1.gz",
        "driver/stderr",
        "driver/stdout-of-another",
    ]
    parts = [Part(name, 1, "v") for name in names]
    assert [part.name for part in rolled(parts, "stdout")] == [
        "driver/stdout--2024-03-01--23-00.gz",
        "driver/stdout--2024-03-01--23-00--1.gz",
        "driver/stdout--2024-03-02--00-00",
        "driver/stdout",
    ]


@pytest.mark.parametrize(
    ("active", "archive"),
    [
        ("log4j-active.log", "log4j-2024-03-01-12.log.gz"),
        ("syslog.gz", "syslog.2024-03-01-12.gz"),
        ("stderr", "stderr--2024-03-01--12-00-00"),
        ("controller.gz", "controller-2024-03-01T12:00.gz"),
    ],
)
def test_the_names_that_platforms_give(active: str, archive: str) -> None:
    assert [p.name for p in rolled([Part(active, 1, "v"), Part(archive, 1, "v")], active)] == [archive, active]


def test_while_nothing_is_new_the_source_is_asked_every_twenty_seconds_at_most() -> None:
    clock, delivery = VirtualClock(), Delivery()
    logs = DeliveredLogs(clock)
    asked = 0

    def ask(cursor: str, *, final: bool = False) -> str:
        chunk = logs.next("token", lambda: {"stdout": delivery}, cursor, final=final)
        cursors.append(chunk.cursor)
        return chunk.text

    class Counted(Delivery):
        def parts(self) -> list[Part]:
            nonlocal asked
            asked += 1
            return list(super().parts())

    delivery, cursors = Counted(), [""]
    for _ in range(60):
        ask(cursors[-1])
        clock.sleep(1.0)
    assert asked == 3
    delivery.write(b"line\n")
    delivery.push()
    assert ask(cursors[-1], final=True) == "line\n", "that the run has ended is reason to look at once"


def test_launches_are_kept_apart_and_few_are_kept_open() -> None:
    logs = DeliveredLogs(VirtualClock())
    texts = []
    for n in [*range(100), 0]:
        delivery = Delivery()
        delivery.write(b"%d\n" % n)
        delivery.push()
        texts.append(logs.next(f"token-{n}", lambda delivery=delivery: {"stdout": delivery}, final=True).text)
    assert texts == [f"{n}\n" for n in [*range(100), 0]]

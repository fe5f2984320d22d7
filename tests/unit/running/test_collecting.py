"""What nobody needs is deleted from an exchange, and nothing else, whoever stages meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engineshed.model.attempt import Outcome, Settlement
from engineshed.model.job import Mode, SparkJob
from engineshed.model.launch import Intent, LaunchKey, Token
from engineshed.model.staged import Staged
from engineshed.running.collecting import Collected, Collector
from engineshed.running.exchange import Exchange
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import LocalStore
from engineshed.testing.clock import VirtualClock

KEEP = timedelta(days=30)


@dataclass
class Launched:
    token: Token
    staged: Staged
    at: datetime
    live: bool = True

    def addresses(self) -> list[str]:
        data = [address for addresses in self.staged.data.values() for address in addresses]
        return [self.staged.script.uri, self.staged.driver.uri, *data]


class Site:
    """An exchange, a ledger, and launches that use them, in virtual time."""

    def __init__(self, folder: Path, store: LocalStore | None = None, start: datetime | None = None) -> None:
        self.folder = folder
        self.clock = VirtualClock(start) if start else VirtualClock()
        self.store = store or LocalStore(folder / "exchange")
        driver = folder / "engineshed_driver.py"
        driver.write_text("driver")
        self.exchange = Exchange(self.store, driver, self.clock)
        self.ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
        self.launches: list[Launched] = []

    def stage(self, version: int) -> Staged:
        source = self.folder / f"v{version}"
        source.mkdir(exist_ok=True)
        (source / "job.py").write_text(f"print({version})")
        (source / "data.txt").write_text(f"data of {version}")
        job = SparkJob(name="job", script=str(source / "job.py"), data=(str(source / "data.txt"),))
        return self.exchange.stage(job, lambda moved: None)

    def launch(self, version: int) -> Launched:
        staged = self.stage(version)
        key = LaunchKey(f"run-{len(self.launches)}", "step")
        token = key.token(len(self.launches))
        self.store.put(f"channels/{token}/context.json", b"{}")
        self.store.put(f"channels/{token}/messages/000000000001.jsonl", b"{}\n")
        intent = Intent(
            token=token,
            key=key,
            ordinal=self.ledger.next_ordinal(),
            run_id=key.root_run_id,
            asset="a",
            job="job",
            team="team",
            code_location="here",
            mode=Mode.FULL,
            engine="e",
            offer="o",
            channel="objects",
            address=self.store.uri(f"channels/{token}"),
            reserved_usd=Decimal(0),
            created_at=self.clock.now(),
        )
        lease = self.ledger.acquire(token, "holder", now=self.clock.now(), ttl_s=1e9)
        assert lease is not None
        self.ledger.record_intent(intent, lease)
        self.launches.append(Launched(token, staged, self.clock.now()))
        return self.launches[-1]

    def settle(self, launched: Launched) -> None:
        lease = self.ledger.acquire(launched.token, "holder", now=self.clock.now(), ttl_s=1e9)
        assert lease is not None
        settlement = Settlement(outcome=Outcome.FAILED, run_id="r", settled_at=self.clock.now())
        self.ledger.settle(launched.token, settlement, lease)
        launched.live = False

    def wait(self, **span: float) -> None:
        self.clock.sleep(timedelta(**span).total_seconds())

    def collector(self, *, keep: timedelta = KEEP, dry: bool = False) -> Collector:
        return Collector(self.store, self.ledger, self.clock, keep=keep, dry=dry)

    def collect(self, *, dry: bool = False) -> list[str]:
        return [found.place for found in self.collector(dry=dry).collect()]


def test_months_long_over_go_with_the_channels_of_their_launches(tmp_path: Path) -> None:
    site = Site(tmp_path)
    old = site.launch(1)
    site.settle(old)
    site.wait(days=70)
    new = site.launch(1)
    site.settle(new)
    places = ["staged/2026-01", "data/2026-01", f"channels/{old.token}"]
    assert site.collect(dry=True) == places
    assert all(Path(address).exists() for address in old.addresses())
    assert site.collect() == places
    assert not any(Path(address).exists() for address in old.addresses())
    assert all(Path(address).exists() for address in new.addresses())
    assert list(site.store.list(f"channels/{old.token}/")) == []
    assert len(list(site.store.list(f"channels/{new.token}/"))) == 2
    assert site.collect() == []


def test_it_says_how_much_it_deleted(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.settle(site.launch(1))
    site.wait(days=70)
    data = next(found for found in site.collector().collect() if found.place.startswith("data/"))
    assert data == Collected(place="data/2026-01", objects=1, size_bytes=9, why="its month ended long ago")


def test_a_month_is_kept_for_the_days_after_its_end(tmp_path: Path) -> None:
    site = Site(tmp_path)
    launched = site.launch(1)
    site.settle(launched)
    site.wait(days=60)  # 2026-03-02: 29 days after the end of January
    assert "staged/2026-01" not in site.collect()
    site.wait(days=2)
    assert "staged/2026-01" in site.collect()


def test_what_a_live_launch_needs_stays_however_old_it_is(tmp_path: Path) -> None:
    site = Site(tmp_path)
    old = site.launch(1)
    site.wait(days=400)
    assert site.collect() == []
    assert all(Path(address).exists() for address in old.addresses())
    site.settle(old)
    assert site.collect() == ["staged/2026-01", "data/2026-01"]
    site.wait(days=31)
    assert site.collect() == [f"channels/{old.token}"]


def test_names_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    site = Site(tmp_path)
    foreign = (
        "staged/0abc/file",
        "staged/2026-13/file",
        "staged/notes.txt",
        "data/x/y",
        "channels/mine/z",
        "else/2026-01/x",
    )
    for key in foreign:
        site.store.put(key, b"foreign")
    site.wait(days=400)
    assert site.collect() == []


def test_a_channel_that_the_ledger_does_not_know_goes_by_its_age(tmp_path: Path) -> None:
    """As after the restore of an older ledger, or where two platforms share an exchange."""
    site = Site(tmp_path, start=datetime.now(UTC))
    for token in ("es-old", "es-new", "es-spoken"):
        for name in ("context.json", "messages/000000000001.jsonl"):
            site.store.put(f"channels/{token}/{name}", b"x")
    long_ago = (datetime.now(UTC) - timedelta(days=40)).timestamp()
    for path in ("es-old/context.json", "es-old/messages/000000000001.jsonl", "es-spoken/context.json"):
        os.utime(tmp_path / "exchange" / "channels" / path, (long_ago, long_ago))
    assert site.collect() == ["channels/es-old"]


def test_it_runs_once_a_day_whoever_asks(tmp_path: Path) -> None:
    site = Site(tmp_path)
    found = []
    for _ in range(3):
        site.settle(site.launch(1))
        site.wait(days=70)
        for _ in range(2):
            found.append(len(site.collector().collect_when_due()))
            site.store.put("staged/2025-01/more", b"x")
            assert site.collector(dry=True).collect_when_due(), "a dry round waits for nobody"
            site.wait(hours=11)
    assert [count > 0 for count in found] == [True, False] * 3


class Meanwhile(LocalStore):
    """A folder in which something happens before and after each call."""

    happens: Callable[[], None] = staticmethod(lambda: None)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self.happens()
        done = super().put_if_absent(key, data)
        self.happens()
        return done

    def put_file(self, key, path, moved=None):
        self.happens()
        super().put_file(key, path, moved)
        self.happens()

    def list(self, prefix, *, after=""):
        self.happens()
        found = list(super().list(prefix, after=after))
        self.happens()
        return iter(found)


@pytest.mark.parametrize("start", [datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, tzinfo=UTC)])
@pytest.mark.parametrize("ahead_h", [0.0, 2.0, 20.0])
def test_what_a_stager_finds_to_be_there_is_not_deleted_under_it(
    tmp_path: Path, start: datetime, ahead_h: float
) -> None:
    """The collector runs before and after each of its calls, with the shortest patience and a clock that is ahead."""
    store = Meanwhile(tmp_path / "exchange")
    site = Site(tmp_path, store, start=start - timedelta(days=40))
    site.settle(site.launch(1))
    site.wait(days=40)
    site.settle(site.launch(1))
    ahead = VirtualClock(start + timedelta(hours=ahead_h))
    rounds: list[int] = []

    def collect() -> None:
        store.happens = lambda: None
        rounds.append(len(Collector(store, site.ledger, ahead, keep=timedelta(days=1)).collect()))
        store.happens = collect

    store.happens = collect
    known, new = site.stage(1), site.stage(2)
    store.happens = lambda: None
    assert len(rounds) > 12
    assert sum(rounds) > 0, "nothing was collected: this proved nothing"
    for staged in (known, new):
        assert all(Path(address).exists() for address in Launched(Token("es-1"), staged, start).addresses())


EVENTS = st.lists(
    st.one_of(
        st.integers(1, 3).map(lambda version: ("launch", version)),
        st.integers(1, 40).map(lambda days: ("wait", days)),
        st.integers(0, 5).map(lambda nth: ("settle", nth)),
        st.just(("collect", 0)),
    ),
    max_size=30,
)


@settings(max_examples=20)
@given(events=EVENTS)
def test_no_launch_that_lives_or_is_young_loses_anything(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, int]]
) -> None:
    site = Site(tmp_path_factory.mktemp("site"))
    for name, number in events:
        live = [launched for launched in site.launches if launched.live]
        if name == "launch":
            site.launch(number)
        elif name == "wait":
            site.wait(days=number)
        elif name == "settle" and live:
            site.settle(live[number % len(live)])
        elif name == "collect":
            site.collect()
            for launched in site.launches:
                if launched.live or site.clock.now() - launched.at < KEEP:
                    assert all(Path(address).exists() for address in launched.addresses())
                    assert list(site.store.list(f"channels/{launched.token}/"))

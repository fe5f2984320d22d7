"""Tells the story of a seed: makes its world in a folder, plays it, and says what was broken.

The folder lies in memory where this machine has such a place, so that no story waits for a disk. One ledger, a SQLite
file as always, serves all stories, each under a root run of its own; a new one is made after a broken story, and where
one is told again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engineshed.channels.files import FileChannel
from engineshed.model.job import Mode, SparkJob
from engineshed.prices.own import OwnPrices
from engineshed.running.order import Order
from engineshed.running.shed import Cadence, Shed
from engineshed.running.staging import Staging
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import SqlLedger, open_ledger
from engineshed.storage.objects import open_store
from engineshed.testing.soak.claims import Books
from engineshed.testing.soak.fate import TIMEOUT_S, Fate
from engineshed.testing.soak.story import Story
from engineshed.testing.soak.turns import NeverEnds, Turns

_IN_MEMORY = Path("/dev/shm")
_CADENCE = Cadence(messages_s=3.0, status_s=3.0, lease_s=8.0, cancel_s=3.0)


@dataclass(frozen=True, slots=True)
class Told:
    """A story that was told. broken: the claims that did not hold. said: what happened, in order."""

    seed: int
    broken: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def repeat(self) -> str:
        """The command that tells it again."""
        return f"make soak SEED={self.seed}"


class Teller:
    """Tells one story after the other below one folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ledgers = 0
        self._told: set[int] = set()
        self._ledger = self._new_ledger()

    def tell(self, seed: int) -> Told:
        """The story of that seed, the same at every telling."""
        if seed in self._told:
            self._renew()
        self._told.add(seed)
        home = self._home / str(seed)
        home.mkdir()
        try:
            books = self._play(seed, home)
        finally:
            shutil.rmtree(home)
        if books.broken:
            self._renew()
        return Told(seed, tuple(books.broken), tuple(books.said))

    def _renew(self) -> None:
        self._ledger.close()
        self._ledger = self._new_ledger()
        self._told.clear()

    def _new_ledger(self) -> SqlLedger:
        self._ledgers += 1
        return open_ledger(f"sqlite:///{self._home / f'ledger-{self._ledgers}.db'}")

    def _play(self, seed: int, home: Path) -> Books:
        fate, turns = Fate(seed), Turns()
        script = home / "edges.py"
        script.write_text("print('payload')\n")
        datasets = Datasets(open_store(str(home / "data"), {}), turns)
        shed = Shed(
            engines={},
            channels={"files": FileChannel(home / "channels")},
            ledger=self._ledger,
            datasets=datasets,
            sources=datasets,
            staging=Staging(open_store(str(home / "staging"), {}), script),
            prices=OwnPrices([]),
            clock=turns,
            cadence=_CADENCE,
        )
        job = SparkJob(
            name=f"edges-{seed}",
            script=str(script),
            tables=("links",),
            expected_core_hours=fate.core_hours,
            timeout_s=TIMEOUT_S,
        )
        order = Order(asset="edges", job=job, mode=Mode.FULL, team="web", code_location="web_graph")
        story = Story(fate, turns, shed, order)
        try:
            return story.play()
        except NeverEnds as error:
            story.books.broken.append(str(error))
            return story.books


@contextmanager
def teller() -> Iterator[Teller]:
    """A teller whose folder goes with it."""
    within = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="engineshed-soak-", dir=within) as home:
        yield Teller(Path(home))

"""One seed's story from the first run to the reaper's last round: who starts when, who dies, who comes after.

What a person or the orchestrator does is drawn too: retries, a second body of a run, a run declared lost while its body
lives, a cancel, a run started again by hand. It ends in a calm in which everything works.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engineshed.model.errors import EngineshedError, LeaseLost
from engineshed.model.launch import Token
from engineshed.model.objective import Layer
from engineshed.ports.step import RunState
from engineshed.running.order import Order
from engineshed.running.reaping import Patience, Reaper
from engineshed.running.route import finish
from engineshed.running.shed import Shed
from engineshed.testing.soak.claims import Books
from engineshed.testing.soak.fate import ENGINES, Death, Fate
from engineshed.testing.soak.mortal import Killed, Mortal
from engineshed.testing.soak.runs import SoakRun, SoakRuns, SoakStep
from engineshed.testing.soak.troubled import TroubledEngine, TroubledPlatform
from engineshed.testing.soak.turns import Turns
from engineshed.testing.steps import Interrupted

_CALM_AFTER_RUNS = 4
_MOST_RUNS = 9
_GRACE_S = 300.0


class Story:
    """Plays one fate over a shed whose engines and clock are its own."""

    def __init__(self, fate: Fate, turns: Turns, shed: Shed, order: Order) -> None:
        self._fate, self._turns, self._order = fate, turns, order
        self._platforms = {name: TroubledPlatform(turns, name=name, fate=fate) for name in ENGINES}
        self._shed = replace(shed, clock=turns)
        self._runs = SoakRuns(f"seed-{fate.seed}")
        self._cancelled = False
        self.books = Books(self._platforms, shed.ledger, self._runs.root, fate.budget_usd, turns)
        for platform in self._platforms.values():
            platform.started = self.books.started
        turns.on_move = self._advance

    def play(self) -> Books:
        """All of it. Raises NeverEnds and what no body may raise."""
        self._begin()
        if self._fate.chance(0.2):
            self._turns.start(self._cancel, self._fate.dice.uniform(0, 60))
        for _ in range(self._fate.dice.choice((0, 0, 1, 3))):
            self._turns.start(self._reap, self._fate.dice.uniform(0, 2000))
        self._turns.play()
        self._fate.calm = True
        for _ in range(2):
            self._turns.start(self._reap, timedelta(days=2).total_seconds())
            self._turns.play()
        self.books.close(self._order, self._shed.datasets, cancelled=self._cancelled)
        return self.books

    def _advance(self) -> None:
        for platform in self._platforms.values():
            platform.advance()

    def _begin(self) -> None:
        """A run with a first body, now and then a second one beside it."""
        if len(self._runs.runs) >= _CALM_AFTER_RUNS:
            self._fate.calm = True
        run = self._runs.begin(self._turns.now())
        layers = (Layer("run override", self._fate.wishes()),)
        self._start(run, layers, 0.0)
        if self._fate.chance(0.25):
            self._start(run, layers, self._fate.dice.uniform(0, 30))
        if self._fate.chance(0.12):
            self._turns.start(lambda: self._lose(run), self._fate.dice.uniform(1, 40))

    def _start(self, run: SoakRun, layers: tuple[Layer, ...], after_s: float) -> None:
        run.bodies += 1
        self._turns.start(lambda: self._live(run, layers), after_s)

    def _live(self, run: SoakRun, layers: tuple[Layer, ...]) -> None:
        """A body, from its start to its end."""
        if run.over or run.state is RunState.WILL_RETRY:
            run.bodies -= 1
            return
        fate, now_s = self._fate, self._turns.monotonic_s()
        leaves_at_s = now_s + fate.dice.uniform(0, 60) if fate.chance(0.1) else None
        mortal = Mortal(self._turns, fate, fate.death(), leaves_at_s=leaves_at_s)
        engines = {
            name: TroubledEngine(platform, fate.usd_per_hour(), mortal.between)
            for name, platform in self._platforms.items()
        }
        step = SoakStep(run, self._runs, fate)
        self.books.saw(step)
        order = replace(self._order, layers=layers)
        ended = "died"
        try:
            result = finish(step, order, mortal.lend(replace(self._shed, engines=engines)))
        except Killed:
            self.books.say(f"a body of {run.run_id} died {mortal.died_at}")
        except (Interrupted, LeaseLost):
            ended = "left"
        except EngineshedError as error:
            ended = "failed"
            self.books.failed(error)
            self.books.say(f"{run.run_id} failed: {type(error).__name__} {error}")
        else:
            self.books.returned(run.run_id, Token(result.token))
            ended = "died" if fate.chance(0.1) else "delivered"
        run.bodies -= 1
        self._after(run, ended)

    def _after(self, run: SoakRun, ended: str) -> None:
        """What the orchestrator makes of a body's end."""
        if run.over or run.state is RunState.WILL_RETRY:
            return
        if ended == "delivered":
            self._runs.delivered.add(run.run_id)
            self._end(run, RunState.FINISHED)
        elif run.state is RunState.CANCELLING or self._cancelled:
            if run.bodies == 0:
                self._end(run, RunState.FAILED)
        elif ended == "failed":
            self._end(run, RunState.FAILED)
            self._again(self._fate.dice.choice((1.0, 60.0, 400.0)))
        elif run.bodies == 0:
            self._turns.start(lambda: self._lose(run), self._fate.dice.uniform(1, 30))

    def _lose(self, run: SoakRun) -> None:
        """The orchestrator holds the run's worker for dead, rightly or not, and starts a successor."""
        if run.over or run.state is not RunState.RUNNING:
            return
        run.state = RunState.FAILED
        self._turns.sleep(self._fate.dice.uniform(0, 3))
        if self._cancelled:
            self._end(run, RunState.FAILED)
        elif run.state is RunState.FAILED and not run.over:
            run.state = RunState.WILL_RETRY
            self._turns.sleep(self._fate.dice.uniform(0, 5))
            run.over = True
            self._again(0.0)

    def _again(self, after_s: float) -> None:
        """The next run, unless one has delivered or a person wanted the end."""

        def begin() -> None:
            lives = any(not run.over for run in self._runs.runs)
            if not (lives or self._runs.delivered or self._cancelled) and len(self._runs.runs) < _MOST_RUNS:
                self._begin()

        self._turns.start(begin, after_s)

    def _end(self, run: SoakRun, state: RunState) -> None:
        run.state, run.since, run.over = state, self._turns.now(), True

    def _cancel(self) -> None:
        """A person cancels whatever runs; what nobody ends within three minutes counts as cancelled all the same."""
        if self._runs.delivered:
            return
        self._cancelled = True
        self.books.say("cancelled by a person")
        for run in self._runs.runs:
            if not run.over and run.state is RunState.RUNNING:
                run.state = RunState.CANCELLING
        self._turns.sleep(180)
        for run in self._runs.runs:
            if not run.over:
                self._end(run, RunState.FAILED)

    def _reap(self) -> None:
        mortal = Mortal(self._turns, self._fate, Death())
        engines = {
            name: TroubledEngine(platform, self._fate.usd_per_hour(), lambda: None)
            for name, platform in self._platforms.items()
        }
        shed = mortal.lend(replace(self._shed, engines=engines))
        patience = Patience(grace=timedelta(seconds=_GRACE_S))
        reaper = Reaper(shed, team=self._order.team, code_location=self._order.code_location, patience=patience)
        try:
            for finding in reaper.reap(self._runs):
                self.books.say(f"reaper: {finding.deed} {finding.token}: {finding.why}")
        except EngineshedError as error:
            self.books.say(f"the reaper's round ended: {error}")

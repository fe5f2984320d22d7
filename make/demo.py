"""The demo: publishes the seed list, then makes all four assets for every crawl and domain in one run.

What Dagster's backfill of a single run does, done here without a daemon: one run over the whole range of partitions,
in the instance that `make ui` shows. Ends with the pictures as files. What drivers print goes to Dagster's compute
logs, not to the terminal.
"""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

if TYPE_CHECKING:
    import dagster as dg
    from make.gallery import Drawn

ROOT = Path(__file__).resolve().parent.parent
JOB = "who_links_to_whom"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
STARTED_S = time.monotonic()


class DemoFailed(Exception):
    """The demo cannot go on. The text names asset and remedy."""


class Terminal:
    """Where people read. The process's own standard output is closed to them: Dagster copies every step's output, and
    so the drivers', there as well as into its compute logs.
    """

    def __init__(self) -> None:
        self._out: TextIO = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

    def line(self, text: str = "") -> None:
        """A line as it is."""
        print(text, file=self._out, flush=True)

    def say(self, asset: str, text: str) -> None:
        """A line with the seconds since the start."""
        self.line(f"{time.monotonic() - STARTED_S:6.1f} s  {asset:<12}{text}")


def run(
    terminal: Terminal, job: dg.JobDefinition, instance: dg.DagsterInstance, tags: dict[str, str], **selection: Any
) -> str:
    """Run a job in this process; the run's id. Raises DemoFailed."""
    from make.narrator import Narrator

    run_id = str(uuid.uuid4())
    narrator = Narrator(instance, run_id, terminal.say)
    narrator.start()
    try:
        # No successor will come for this run: an interrupt shall end what it started.
        result = job.execute_in_process(
            run_id=run_id,
            instance=instance,
            tags={"dagster/max_retries": "0", **tags},
            run_config=QUIET,
            raise_on_error=False,
            **selection,
        )
    finally:
        narrator.stop()
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            if error is not None and "Interrupted" in f"{error.cls_name} {error.cause.cls_name if error.cause else ''}":
                raise KeyboardInterrupt
            raise DemoFailed(_told(event, run_id))
    if not result.success:
        raise DemoFailed(f"run {run_id[:8]} failed before its first step: `make ui` shows its log.")
    return run_id


def _told(event: dg.DagsterEvent, run_id: str) -> str:
    """Asset, fact and remedy, from a failed step."""
    data = event.step_failure_data
    failure = data.user_failure_data
    asset = (event.step_key or "").rpartition("__")[2]
    if failure is None:
        error = data.error.cause if data.error and data.error.cause else data.error
        fact = re.sub(r"^(\w+\.)+(?=\w+: )", "", error.message.strip()) if error else "it says no reason"
        return f"{asset}: {fact}\nIts log: `make ui`, run {run_id[:8]}."
    remedy = f"Its log and the driver's output: `make ui`, run {run_id[:8]}."
    if "engineshed/rejections" in failure.metadata:
        remedy = "What each engine lacks, and the remedy: .venv/bin/engineshed doctor"
    return f"{asset}: {(failure.description or '').strip()}\n{remedy}"


def summary(terminal: Terminal, drawn: list[Drawn]) -> None:
    """What was made, a line a partition."""
    width = max(len(d.partition) for d in drawn)
    terminal.line(f"{'partition':<{width}}  {'pages':>6} {'links':>8} {'organisations':>14} {'pairs':>6}  picture")
    for d in drawn:
        picture = _shown(d.path)
        terminal.line(
            f"{d.partition:<{width}}  {d.pages:>6,} {d.links:>8,} {d.organisations:>14,} {d.pairs:>6,}  {picture}"
        )


def demo(terminal: Terminal) -> None:
    """Both runs, the pictures, then where to look. Raises DemoFailed."""
    terminal.say("", "loading Dagster and both code locations")
    import dagster as dg

    from company_registry.definitions import defs as registry
    from engineshed import read_premises
    from web_graph.assets import LOCATION_FILE
    from web_graph.definitions import defs as web_graph
    from web_graph.partitions import CRAWL_BY_DOMAIN

    keys = [str(key) for key in CRAWL_BY_DOMAIN.get_partition_keys()]
    premises = read_premises(LOCATION_FILE)
    with dg.DagsterInstance.get() as instance:
        if instance.get_latest_materialization_event(dg.AssetKey("graph_aggr")) is not None:
            terminal.say("", "there are results from before: every partition is made anew and replaces them")
        seeds = dg.AssetKey(["company_registry", "seeds"])
        run(terminal, registry.resolve_implicit_global_asset_job_def(), instance, {}, asset_selection=[seeds])
        terminal.say("", f"the web graph of {len(keys)} partitions: {', '.join(keys)}")
        whole = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
        run_id = run(terminal, web_graph.resolve_job_def(JOB), instance, whole)
    terminal.say("", "drawing")
    from make.gallery import PAGE, draw

    folder = premises.home / "pictures"
    drawn = draw(folder, keys, root=premises.data_root, mode=premises.location.mode)
    terminal.say("", "done")
    terminal.line()
    summary(terminal, drawn)
    terminal.line()
    terminal.line(f"All pictures on one page:  {_shown(folder / PAGE)}")
    terminal.line("In Dagster's web pages:    make ui, then http://127.0.0.1:3000/assets/graph_aggr")
    terminal.line(f"Make this result again:    .venv/bin/engineshed reproduce {run_id[:8]}")


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def main() -> NoReturn:
    """Exit code 1 and a clear line when something fails, 130 when interrupted."""
    terminal = Terminal()
    # The error of a failed run keeps a scratch folder of Dagster's alive to the very end.
    warnings.simplefilter("ignore", ResourceWarning)
    from engineshed.model.errors import EngineshedError

    try:
        demo(terminal)
    except (DemoFailed, EngineshedError) as error:
        terminal.line(f"\ndemo: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        terminal.line("\ndemo: interrupted; what was running is ended, nothing half-made is published")
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()

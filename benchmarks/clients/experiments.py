"""The experiments: what happens to a run, and how. Both clients get the same script and the same fate.

Scripts speak stock Dagster Pipes over the transports that Dagster's clients want; engineshed runs them unchanged.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clients.platforms import FASTER, EmrSite, Outcome, Site, databricks_site, emr_site

_EMR = """
    import time
    from pathlib import Path
    import boto3
    from dagster_pipes import PipesS3MessageWriter, open_dagster_pipes
    with open_dagster_pipes(message_writer=PipesS3MessageWriter(client=boto3.client("s3"))) as pipes:
        {work}
"""
_DATABRICKS = """
    import time
    from pathlib import Path
    from dagster_pipes import PipesDbfsContextLoader, PipesDbfsMessageWriter, open_dagster_pipes
    with open_dagster_pipes(context_loader=PipesDbfsContextLoader(), message_writer=PipesDbfsMessageWriter()) as pipes:
        {work}
"""
_SAY = "pipes.log.info('message {}')"
_WAIT = "\nPath({started!r}).touch()\nwhile not Path({gate!r}).exists(): time.sleep(0.05)\n"
TWO = _SAY.format(1) + _WAIT + _SAY.format(2)
LONG = _SAY.format(1) + f"\ntime.sleep({7200 / FASTER:g})\n" + _SAY.format(2)
MANY = "for n in range(1000): pipes.log.info(f'message {{n}} ' + 'x' * 975)"
BAD = _SAY.format(1) + "\nraise ValueError('no such crawl')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What happens on a platform. work: what the script does. said: its messages. fate: what is done with the run."""

    platform: str
    what: str
    work: str
    said: int
    fate: Callable[[Any], Outcome]


def _goes_well(site: Site) -> Outcome:
    site.gate.touch()
    return site.outcome(site.start())


def _cancelled(site: Site) -> Outcome:
    worker = site.start()
    site.wait_for_script()
    site.cancel(worker)
    return site.outcome(worker)


def _reply_lost(site: Site) -> Outcome:
    site.lose_a_reply()
    return _goes_well(site)


def _worker_killed(site: Site) -> Outcome:
    worker = site.start()
    site.wait_for_script()
    site.kill(worker)
    return _goes_well(site)


def _outlasts_the_waiters(site: EmrSite) -> Outcome:
    site.impatient = True
    return _goes_well(site)


def _fails_and_the_cluster_goes_on(site: EmrSite) -> Outcome:
    site.action = "CONTINUE"
    return _goes_well(site)


def _own_variables(site: EmrSite) -> Outcome:
    site.own = "web"
    return _goes_well(site)


_CANCELLED, _LOST, _KILLED = (
    "a person cancels the run",
    "the reply to a submit is lost",
    "the worker is killed, the run retried",
)

EXPERIMENTS = {
    "emr-outlasts-waiters": Experiment(
        platform="EMR", what="a job of two hours", work=LONG, said=2, fate=_outlasts_the_waiters
    ),
    "emr-own-spark-env": Experiment(
        platform="EMR", what="the team states a `spark-env`", work=TWO, said=2, fate=_own_variables
    ),
    "emr-step-fails": Experiment(
        platform="EMR", what="the script raises, step set to CONTINUE", work=BAD, said=1,
        fate=_fails_and_the_cluster_goes_on,
    ),
    "emr-cancelled": Experiment(platform="EMR", what=_CANCELLED, work=TWO, said=2, fate=_cancelled),
    "emr-reply-lost": Experiment(platform="EMR", what=_LOST, work=TWO, said=2, fate=_reply_lost),
    "emr-worker-killed": Experiment(platform="EMR", what=_KILLED, work=TWO, said=2, fate=_worker_killed),
    "databricks-many-messages": Experiment(
        platform="Databricks", what="1,000 messages, 1.1 MB in one chunk", work=MANY, said=1000, fate=_goes_well
    ),
    "databricks-cancelled": Experiment(platform="Databricks", what=_CANCELLED, work=TWO, said=2, fate=_cancelled),
    "databricks-reply-lost": Experiment(platform="Databricks", what=_LOST, work=TWO, said=2, fate=_reply_lost),
    "databricks-worker-killed": Experiment(
        platform="Databricks", what=_KILLED, work=TWO, said=2, fate=_worker_killed
    ),
}  # fmt: skip


def run(name: str, *, ours: bool) -> Outcome:
    """One experiment with one of the clients, in an account and a folder of its own."""
    experiment = EXPERIMENTS[name]
    places: dict[str, tuple[Callable[..., AbstractContextManager[Any]], str]] = {
        "EMR": (emr_site, _EMR),
        "Databricks": (databricks_site, _DATABRICKS),
    }
    site_of, script = places[experiment.platform]
    with tempfile.TemporaryDirectory(prefix="clients-") as folder, site_of(Path(folder), ours=ours) as site:
        work = experiment.work.format(gate=str(site.gate), started=str(site.started))
        indented = textwrap.indent(work, " " * 8).lstrip()
        site.script.write_text(textwrap.dedent(script.format(work=indented)))
        outcome: Outcome = experiment.fate(site)
    return outcome

"""The demo: publishes the seed list, then makes all four assets for every crawl and domain in one backfill.

What Dagster's backfill of a single run does, done here without a daemon: one run over the whole range of partitions,
in the instance that `make ui` shows. Ends with the pictures as files.
"""

from __future__ import annotations

import base64
import re
import shutil
import sys
import threading
import time
import uuid
from pathlib import Path

import dagster as dg

from company_registry.definitions import defs as registry
from web_graph.definitions import defs as web_graph
from web_graph.partitions import CRAWL_BY_DOMAIN

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / ".engineshed" / "pictures"
ASSETS = ["nodes_only", "edges", "graph", "graph_aggr"]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
STARTED_S = time.monotonic()


def say(text: str) -> None:
    """A line with the seconds since the start."""
    print(f"{time.monotonic() - STARTED_S:6.1f} s  {text}", flush=True)


class Narrator(threading.Thread):
    """Tells what a run's log says, while it runs: a demo that is silent for half a minute looks stuck."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str) -> None:
        super().__init__(daemon=True)
        self._instance, self._run_id = instance, run_id
        self._over = threading.Event()
        self._told = 0

    def run(self) -> None:
        """Look twice a second until told to stop."""
        while not self._over.wait(0.5):
            self._tell()

    def stop(self) -> None:
        """Tell the rest and end."""
        self._over.set()
        self.join()
        self._tell()

    def _tell(self) -> None:
        entries = self._instance.all_logs(self._run_id)
        for entry in entries[self._told :]:
            event = entry.dagster_event
            if event is None and re.match(r"(Plan for|Submitted|progress:|\w+ run .* is )", entry.user_message):
                say(f"{entry.step_key}: {entry.user_message.splitlines()[0]}")
            elif event is not None and event.event_type in (
                dg.DagsterEventType.STEP_SUCCESS,
                dg.DagsterEventType.STEP_FAILURE,
            ):
                say(f"{entry.step_key}: {'done' if event.is_step_success else 'FAILED'}")
        self._told = len(entries)


def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, assets: list[dg.AssetKey], tags: dict[str, str]
) -> str:
    """Run assets in the implicit job of their location; the run's id. Exits when the run fails."""
    job = definitions.resolve_implicit_global_asset_job_def()
    run_id = str(uuid.uuid4())
    narrator = Narrator(instance, run_id)
    narrator.start()
    try:
        result = job.execute_in_process(
            run_id=run_id, instance=instance, asset_selection=assets, tags=tags, run_config=QUIET, raise_on_error=False
        )
    finally:
        narrator.stop()
    if not result.success:
        for event in result.all_events:
            if event.is_step_failure:
                say(f"{event.step_key}: {event.step_failure_data.error_display_string}")
        sys.exit(1)
    return run_id


def save_pictures(instance: dg.DagsterInstance) -> list[Path]:
    """The newest picture of each partition of graph_aggr, as files."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    saved = []
    for key in CRAWL_BY_DOMAIN.get_partition_keys():
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey("graph_aggr"), asset_partitions=[key]), limit=1
        ).records
        if not records or records[0].asset_materialization is None:
            continue
        drawn = records[0].asset_materialization.metadata.get("network")
        found = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", str(drawn.value)) if drawn else None
        if found:
            path = PICTURES / f"{key.replace('|', '-')}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(found.group(1)))
            saved.append(path)
    return saved


def main() -> None:
    """Both runs, then where to look."""
    with dg.DagsterInstance.get() as instance:
        say("company_registry: publishing the seed list")
        run(registry, instance, [dg.AssetKey(["company_registry", "seeds"])], {})
        keys = CRAWL_BY_DOMAIN.get_partition_keys()
        say(f"web_graph: {', '.join(ASSETS)} for {len(keys)} partitions: {', '.join(keys)}")
        backfill = {
            "dagster/backfill": f"demo-{uuid.uuid4().hex[:8]}",
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[-1],
        }
        run_id = run(web_graph, instance, [dg.AssetKey(name) for name in ASSETS], backfill)
        pictures = save_pictures(instance)
    say("done. Who links to whom, one picture a crawl and domain:")
    for path in pictures:
        print(f"          {path.relative_to(ROOT)}")
    print(f"\nRepeat this result:   .venv/bin/engineshed reproduce {run_id[:8]}")
    print("See it in Dagster:    make ui")


if __name__ == "__main__":
    main()

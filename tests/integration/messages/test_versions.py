"""Twenty runs of each of two versions at once: each driver runs the version that its launch staged, and says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.integration.driver import relays
from tests.integration.messages.troubled_s3 import TroubledS3

from engineshed.channels.objects import ObjectChannel
from engineshed.model.job import SparkJob
from engineshed.model.launch import LaunchKey
from engineshed.model.staged import Staged
from engineshed.running.exchange import Exchange
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.channel_contract import CONTEXT, numbers

RUNS = 20
PATIENCE_S = 300.0

# The hash is computed by the driver over what it really has, as docs/storage.md says.
SCRIPT = """
import hashlib, pathlib
from dagster_pipes import open_dagster_pipes
from library import version

with open_dagster_pipes() as pipes:
    here = pathlib.Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted(here.rglob("*.py"), key=lambda path: path.relative_to(here).as_posix()):
        if path.name != "engineshed_driver.py":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(here).as_posix()}\\0{content}\\n".encode())
    pipes.report_custom_message([version.VERSION, total.hexdigest(), pipes.get_extra("staged")])
"""


def a_job(folder: Path, version: int) -> SparkJob:
    """Versions of one name, so that all that tells them apart is their content."""
    source = folder / f"v{version}"
    (source / "library").mkdir(parents=True)
    (source / "job.py").write_text(SCRIPT)
    (source / "library" / "version.py").write_text(f"VERSION = {version}\n")
    return SparkJob(name="job", script=str(source / "job.py"), modules=(str(source / "library"),))


def test_twenty_runs_of_two_versions_at_once(s3: TroubledS3, tmp_path: Path) -> None:
    store = open_store(s3.root, s3.access)
    exchange = Exchange(store, relays.DRIVER / "engineshed_driver.py", SystemClock())
    channel = ObjectChannel(store, s3.access, SystemClock())
    jobs = {version: a_job(tmp_path, version) for version in (1, 2)}

    def run(number: int) -> tuple[int, Staged, list[list[object]]]:
        version = 1 + number % 2
        staged = exchange.stage(jobs[version], lambda moved: None)
        token = LaunchKey("run", "step", (str(number),)).token(number)
        wiring = channel.prepare(token, {**CONTEXT, "extras": {"staged": staged.digest}})
        artefacts = [staged.script, staged.driver, *staged.modules]
        files = [{"name": a.name, "sha256": a.sha256, "uri": a.uri} for a in artefacts]
        folder = tmp_path / token
        folder.mkdir()
        relay = relays.start(folder, wiring, {"files": files, "access": s3.access}, ("job.py",))
        try:
            assert relay.wait(PATIENCE_S) == 0, (folder / "relay.log").read_text()
        finally:
            relay.kill()
            relay.wait()
        return version, staged, numbers(channel.reader(wiring.address).poll(""))

    with ThreadPoolExecutor(RUNS) as pool:
        ended = list(pool.map(run, range(2 * RUNS)))
    said = [(version, staged.digest, reported) for version, staged, [reported] in ended]
    assert [(version, [version, digest, digest]) for version, digest, _ in said] == [
        (version, reported) for version, _, reported in said
    ]
    assert len({digest for _, digest, _ in said}) == 2
    staged_files = [found.key for found in store.list("staged/")]
    assert len(staged_files) == 2 * 2 + 2, "each version once, the driver and the relay once"

"""From a Work to the Request of a supervised process: pure, so that it can be compared with golden files.

Refuses what a process of this machine cannot do: artefacts that are not on this machine, and Spark settings that would
send the job elsewhere. Precedence of Spark settings, lowest first: the engine's defaults, the job's `conf`, the job's
block for this engine; what an engine decides itself is refused there rather than dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from engineshed.model.errors import JobInvalid, SettingInvalid
from engineshed.model.request import Request, Work
from engineshed.processes.settings import JobBlock, ProcessSettings, checked
from engineshed.processes.stray import UNSET

_DECIDED_HERE = ("spark.master", "spark.remote", "spark.api.mode", "spark.submit.deployMode")


def render(
    work: Work,
    settings: ProcessSettings,
    *,
    folder: str,
    python: str,
    session: Mapping[str, Any],
    env: Mapping[str, str],
) -> Request:
    """The request. `session` is what ENGINESHED_SESSION will hold, `env` what the engine itself needs.

    Raises JobInvalid.
    """
    block = job_block(work)
    own = {**settings.env, **block.env}
    script = _local(work.staged.script.uri, work)
    driver_folder = _local(work.staged.driver.uri, work).rpartition("/")[0]
    python_path = [_local(work.staged.root, work), driver_folder, *filter(None, [own.get("PYTHONPATH")])]
    body = {
        "argv": [python, script, *work.job.arguments],
        "cwd": f"{folder}/work",
        "env": {
            **env,
            **own,
            **work.wiring.env,
            "ENGINESHED_SESSION": json.dumps(session, sort_keys=True),
            "PYTHONPATH": ":".join(python_path),
            "PYTHONUNBUFFERED": "1",
        },
        "unset": list(UNSET),
        "timeout_s": work.job.timeout_s,
        "grace_s": settings.grace_s,
        "log_limit_bytes": settings.log_limit_mib * 1024 * 1024,
        "tags": dict(work.tags),
    }
    return Request(work.offer.engine, work.token, body)


def job_block(work: Work) -> JobBlock:
    """What the job says to this engine, checked. Raises JobInvalid."""
    engine = work.offer.engine
    try:
        return checked(JobBlock, work.job.engine_settings.get(engine, {}), f"engine_settings.{engine}")
    except SettingInvalid as error:
        raise JobInvalid(f"job {work.job.name!r}: {error}") from error


def spark_conf(work: Work, defaults: Mapping[str, str]) -> dict[str, str]:
    """Defaults, the job's settings over them, its block for this engine over those. Raises JobInvalid."""
    asked = {**work.job.conf, **job_block(work).conf}
    for key in _DECIDED_HERE:
        if key in asked:
            raise JobInvalid(
                f"job {work.job.name!r} sets {key}, which engine {work.offer.engine} decides: "
                "drop it, or pin another engine."
            )
    return {**defaults, **asked}


def _local(uri: str, work: Work) -> str:
    parts = urlsplit(uri)
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost"):
        return unquote(parts.path) if parts.scheme else uri
    raise JobInvalid(
        f"job {work.job.name!r}: {uri} is not on this machine, where engine {work.offer.engine} runs: "
        "stage to a local folder."
    )

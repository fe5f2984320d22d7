"""A job on the session it is given: the numbers below a hundred, for each partition."""

import json
from pathlib import Path

from doubling import doubled

import engineshed_driver

with engineshed_driver.open_job("on_spark") as job:
    settings = job.settings
    with Path(settings["marks"]).open("a", encoding="utf-8") as marks:
        seen = {
            "token": job.token,
            "keys": job.partition.keys,
            "dimensions": job.partition.dimensions,
            "windows": job.partition.windows,
            "sql": job.partition.sql({"domain": "d", "day": "t"}) if job.partition.keys else "",
            "spark": job.session.version,
        }
        marks.write(json.dumps(seen) + "\n")
    for key in job.partition.keys or [None]:
        share = len(key) if key else 10
        job.write("numbers", doubled(job.session.range(share)), key=key)
    job.report({"counts": {"partitions": len(job.partition.keys)}})

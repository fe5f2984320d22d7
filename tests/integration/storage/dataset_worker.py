"""A process that writes an attempt and publishes it: `dataset_worker.py ROOT ENDPOINT_URL ORDINAL WAIT`.

It says `ready` and waits for a line on stdin at the point that WAIT names: `before` it publishes, at the
`commit` (data checked, nothing published), or inside the `link` that makes a commit on a folder visible. Then
it goes on, and prints the ordinal it published or the error's name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "storage"))

from dataset_behaviour import ASSET, MODE, PARTITION, CallBefore, FixedClock, links, pages, parquet

from engineshed.model.errors import PublishRefused
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import LocalStore, open_store


def wait() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def wait_and_link(source: Path, target: Path) -> None:
    wait()
    os.link(source, target)


def main(root: str, endpoint_url: str, ordinal: int, point: str) -> None:
    store: Any = open_store(root, {"endpoint_url": endpoint_url})
    if point == "link":
        store = LocalStore(root, link=wait_and_link)
    if point == "commit":
        store = CallBefore(store, wait)
    datasets = Datasets(store, FixedClock())
    token = f"es-{ordinal}"
    for name, table in (("pages", pages(ordinal)), ("links", links(ordinal))):
        datasets.write_file(ASSET, PARTITION, MODE, token, name, parquet(table))
    if point == "before":
        wait()
    try:
        commit = datasets.publish(
            asset=ASSET,
            partition=PARTITION,
            mode=MODE,
            ordinal=ordinal,
            token=token,
            contents=datasets.collect(ASSET, PARTITION, MODE, token, ("pages", "links")),
            upstream=(),
            provenance={},
        )
    except PublishRefused as error:
        sys.stdout.write(f"{type(error).__name__}\n")
    else:
        sys.stdout.write(f"{commit.ordinal}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])

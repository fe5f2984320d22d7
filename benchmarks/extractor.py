"""What the edges extractor costs beyond reading the archive and parsing the pages, and that its memory stays flat.

    .venv/bin/python benchmarks/extractor.py [--rounds N] [WARC ...]

Three contenders over the same files, interleaved, each measurement in a fresh child process (cold caches), in CPU
seconds: `read+parse` is FastWARC reading and the lexbor parse of every page alone; `extract` adds charset, title, text
and all link kinds; `batches` adds Arrow. The bar is on extract / read+parse. Without WARC arguments it reads the
shipped sample. It judges nothing by wall time, and a shared machine still moves it by a tenth: look at the rounds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "spark" / "web_graph"))

from fastwarc.warc import ArchiveIterator, WarcRecordType  # noqa: E402
from selectolax.lexbor import LexborHTMLParser  # noqa: E402

from webgraph.captures import Capture, Limits  # noqa: E402
from webgraph.drops import Tally  # noqa: E402
from webgraph.extract import batches, extract  # noqa: E402
from webgraph.selection import Selection  # noqa: E402
from webgraph.warc import captures  # noqa: E402

BAR = 2.2
FLAT = 1.2  # peak memory of ten times the input, as a multiple of that of one
NOISE_MIB = 24  # three batches: how many are alive at the peak depends on the allocator


def read_and_parse(paths: Sequence[str]) -> int:
    """Pages whose payload was read and parsed, nothing else."""
    pages = 0
    for path in paths:
        with Path(path).open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, strict_mode=False):
                headers = record.http_headers
                status = headers.status_code if headers is not None else None
                if status is None or not 200 <= status < 300 or "html" not in (record.http_content_type or ""):
                    continue
                html = record.reader.read()
                if html:
                    LexborHTMLParser(html)
                    pages += 1
    return pages


def extracted(paths: Sequence[str]) -> int:
    """Pages extracted."""
    limits, tally, pages = Limits(), Tally(), 0
    for path in paths:
        with Path(path).open("rb") as stream:
            for outcome in captures(stream, lambda _: True, limits, tally):
                if isinstance(outcome, Capture):
                    extract(outcome, limits, tally)
                    pages += 1
    return pages


def batched(paths: Sequence[str]) -> int:
    """Rows in Arrow batches."""
    return sum(len(batch) for batch in batches(enumerate(paths), {0: Selection()}, Limits())) - 1


def in_child(work: Callable[[Sequence[str]], int], paths: Sequence[str]) -> tuple[float, int, float]:
    """CPU seconds, pages, and MiB of peak memory above the start."""
    receiver, sender = multiprocessing.Pipe(duplex=False)

    def run() -> None:
        # Arrow imports pandas on its first array; that is the worker's start, not the extractor's work.
        batched([])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        pages = work(paths)
        seconds = time.process_time() - start
        sender.send((seconds, pages, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{work.__name__} ended with {process.exitcode}")
    result: tuple[float, int, float] = receiver.recv()
    return result


def main() -> int:
    """Print all rounds, the median ratio and the memory; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warc", nargs="*", default=sorted(map(str, (ROOT / "samples" / "crawls").glob("*/*.warc.gz"))))
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    if not given.warc:
        parser.error("no WARC given and no sample in samples/crawls")
    contenders = {"read+parse": read_and_parse, "extract": extracted, "batches": batched}
    batched([])
    print(f"{len(given.warc)} files, {sum(Path(path).stat().st_size for path in given.warc) / 1e6:.1f} MB compressed")
    print("round   " + "".join(f"{name:>12}" for name in contenders) + "   extract/  batches/ read+parse")
    ratios = []
    for number in range(1, given.rounds + 1):
        measured = {name: in_child(work, given.warc) for name, work in contenders.items()}
        seconds = [measured[name][0] for name in contenders]
        ratios.append(seconds[1] / seconds[0])
        cells = "".join(f"{second:>10.3f} s" for second in seconds)
        print(
            f"{number:>5}   {cells}{ratios[-1]:>11.2f}{seconds[2] / seconds[0]:>10.2f}   {measured['extract'][1]} pages"
        )
    ratio = statistics.median(ratios)
    print(f"extract / read+parse: median {ratio:.2f}, bar {BAR} ({'held' if ratio <= BAR else 'missed'})")
    return 0 if memory_is_flat(given.warc) and ratio <= BAR else 1


def memory_is_flat(paths: Sequence[str]) -> bool:
    """Print the peak memory for one file that holds all the input, and for one that holds it ten times."""
    with tempfile.TemporaryDirectory() as folder:
        once, tenfold = Path(folder, "once.warc.gz"), Path(folder, "tenfold.warc.gz")
        for file, times in ((once, 1), (tenfold, 10)):
            with file.open("wb") as packed:
                for path in [*paths] * times:
                    packed.write(Path(path).read_bytes())
        one, ten = in_child(batched, [str(once)]), in_child(batched, [str(tenfold)])
    flat = ten[2] <= one[2] * FLAT + NOISE_MIB
    print(f"peak memory above start: {one[2]:.0f} MiB for {one[1]} pages, {ten[2]:.0f} MiB for {ten[1]} pages")
    print(f"memory {'is flat' if flat else 'grows with the input'}")
    return flat


if __name__ == "__main__":
    sys.exit(main())

"""The jars that Spark needs for `s3a://` beside its own: locked by content, fetched by the Maven client.

`jars.lock` names each by its Maven coordinates and the SHA-256 of its file, and no place: where artifacts come from is
the business of the Maven settings of whoever builds. `fetch` refuses a file whose content is another, and a
`hadoop-aws` that is not of exactly the Hadoop that Spark brings along: their classes call each other's internals.
`lock` resolves anew after a change of ROOTS.

The AWS SDK's modules are named one by one, since its `bundle` has 600 MB of services that nobody calls.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

HADOOP = "3.5.0"
SDK = "2.35.4"  # the version that hadoop-project 3.5.0 names
ROOTS = (
    f"software.amazon.awssdk:s3-transfer-manager:{SDK}",
    f"software.amazon.awssdk:sts:{SDK}",
    f"software.amazon.awssdk:apache-client:{SDK}",
    "software.amazon.s3.analyticsaccelerator:analyticsaccelerator-s3:1.3.1",  # loaded even when it is not used
)
# What hadoop-aws asks for is named above; what else it asks for, Spark's shaded Hadoop client holds.
WITHOUT_DEPENDENCIES = (f"org.apache.hadoop:hadoop-aws:{HADOOP}",)
# In Spark's own jars, in the version that the rest of Spark is built with (commons-logging as jcl-over-slf4j).
SPARK_HAS = (
    "commons-codec:commons-codec",
    "commons-logging:commons-logging",
    "io.netty:*",
    "org.apache.httpcomponents:*",
    "org.slf4j:slf4j-api",
)
LOCK = Path(__file__).with_name("jars.lock")
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def fetch(folder: Path, spark_jars: Path) -> None:
    """Puts the locked jars into `folder`. Ends with a message when one differs from the lock or does not fit Spark."""
    locked = read_lock()
    hadoop = next(spark_jars.glob("hadoop-client-api-*.jar")).stem.removeprefix("hadoop-client-api-")
    if f"org.apache.hadoop:hadoop-aws:{hadoop}" not in locked:
        sys.exit(f"jars.lock has no hadoop-aws {hadoop}, which is the Hadoop in {spark_jars}: set HADOOP in jars.py.")
    jars = dict(_download((), locked, folder))
    for coordinates, sha256 in locked.items():
        found = _sha256(jars[coordinates])
        if found != sha256:
            sys.exit(f"{coordinates} has the SHA-256 {found}, but jars.lock says {sha256}: the repository changed it.")


def lock() -> None:
    """Resolves ROOTS and writes jars.lock."""
    with tempfile.TemporaryDirectory() as folder:
        jars = _download(ROOTS, WITHOUT_DEPENDENCIES, Path(folder))
        LOCK.write_text("".join(f"{_sha256(jar)}  {coordinates}\n" for coordinates, jar in sorted(jars)))


def read_lock(text: str | None = None) -> dict[str, str]:
    """Maven coordinates -> SHA-256."""
    lines = (LOCK.read_text() if text is None else text).splitlines()
    return {coordinates: sha256 for sha256, coordinates in (line.split() for line in lines)}


def _download(roots: Iterable[str], alone: Iterable[str], folder: Path) -> list[tuple[str, Path]]:
    """(coordinates, file) of each artifact: those of `roots` with what they need, those of `alone` by themselves."""
    with tempfile.TemporaryDirectory() as work:
        pom = Path(work, "pom.xml")
        pom.write_text(_pom(roots, alone))
        layout = Path(work, "jars")
        subprocess.run(
            ["mvn", "-B", "-q", "-f", pom, COPY, f"-DoutputDirectory={layout}", "-Dmdep.useRepositoryLayout=true"],
            check=True,
        )
        folder.mkdir(parents=True, exist_ok=True)
        return [(_coordinates(jar.relative_to(layout)), jar.rename(folder / jar.name)) for jar in layout.rglob("*.jar")]


def _coordinates(path: Path) -> str:
    *group, artifact, version, _ = path.parts
    return f"{'.'.join(group)}:{artifact}:{version}"


def _pom(roots: Iterable[str], alone: Iterable[str]) -> str:
    dependencies = [_dependency(each, SPARK_HAS) for each in roots] + [_dependency(each, ("*:*",)) for each in alone]
    return (
        "<project><modelVersion>4.0.0</modelVersion>"
        "<groupId>engineshed</groupId><artifactId>s3a</artifactId><version>1</version>"
        f"<dependencies>{''.join(dependencies)}</dependencies></project>"
    )


def _dependency(coordinates: str, excluded: Iterable[str]) -> str:
    exclusions = "".join(f"<exclusion>{_named(each)}</exclusion>" for each in excluded)
    version = escape(coordinates.rpartition(":")[2])
    named = _named(coordinates)
    return f"<dependency>{named}<version>{version}</version><exclusions>{exclusions}</exclusions></dependency>"


def _named(coordinates: str) -> str:
    group, artifact = coordinates.split(":")[:2]
    return f"<groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main(argv: list[str]) -> None:
    """The command line: `lock`, or `fetch FOLDER --spark-jars FOLDER`."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("lock")
    fetching = commands.add_parser("fetch")
    fetching.add_argument("folder", type=Path)
    fetching.add_argument("--spark-jars", type=Path, required=True)
    arguments = parser.parse_args(argv)
    if arguments.command == "lock":
        lock()
    else:
        fetch(arguments.folder, arguments.spark_jars)


if __name__ == "__main__":
    main(sys.argv[1:])

"""`engineshed pack`: the Python packages of a lock as a folder of wheels, for drivers on platforms of others."""

from __future__ import annotations

import ensurepip
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from engineshed.model.errors import ConfigurationInvalid, SettingInvalid
from engineshed.running.packing import ARCHITECTURES, Target
from engineshed.running.packing import pack as pack_wheels


@click.command()
@click.option(
    "--requirements",
    "lock",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The lock: pinned versions with hashes.",
)
@click.option("--python", required=True, help="Python of the drivers, such as 3.11.")
@click.option("--architecture", required=True, type=click.Choice(ARCHITECTURES), help="Of the drivers' machines.")
@click.option(
    "--without", multiple=True, metavar="NAME", help="A package that the platform brings itself, such as pyspark."
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the wheels and environment.json; `environments` of location.yaml names it.",
)
def pack(lock: Path, python: str, architecture: str, without: tuple[str, ...], out: Path) -> None:
    """Pack the packages of a lock for drivers on another platform. For CI and image builds.

    Takes wheels only, by pip and its configuration, each checked by the hashes of the lock.
    """
    packed = pack_wheels(lock, Target(python, architecture), out, without=without, download=_pip_download)
    size_bytes = sum((out / name).stat().st_size for name in packed.wheels)
    wheels = f"{len(packed.wheels)} wheels, {size_bytes / 2**20:.1f} MiB"
    click.echo(f"{wheels}, for Python {python} on {architecture}: {out}")


def _pip_download(arguments: Sequence[str]) -> None:
    command = [*_pip(), "download", "--disable-pip-version-check", "--progress-bar=off", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SettingInvalid(f"pip could not fetch the wheels:\n{done.stdout.strip()[-4000:]}")


def _pip() -> list[str]:
    """pip of this interpreter, or the one that every CPython carries to install it from."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    carried = sorted(Path(ensurepip.__file__).with_name("_bundled").glob("pip-*.whl"))
    if not carried:
        raise ConfigurationInvalid("pip is not installed for this Python: install it, or use an image that has it.")
    return [sys.executable, str(carried[-1] / "pip")]

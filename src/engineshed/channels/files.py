"""The channel of the engines of this machine: one folder a token, its context and its messages as two files.

`<root>/<token>/context.json` is what the driver loads, `<root>/<token>/messages.jsonl` what it appends to, by any
writer of Dagster Pipes. Folders are 0700 and files 0600, since contexts and logs may quote what is nobody else's
business. It refuses to change the context of a token that has one: the driver may have read it, and a run answers to
one context.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dagster_pipes import (
    DAGSTER_PIPES_CONTEXT_CLI_ARGUMENT,
    DAGSTER_PIPES_CONTEXT_ENV_VAR,
    DAGSTER_PIPES_MESSAGES_CLI_ARGUMENT,
    DAGSTER_PIPES_MESSAGES_ENV_VAR,
    encode_param,
)

from engineshed.channels.lines import read_lines
from engineshed.model.errors import AccessDenied, ChannelError, SettingInvalid
from engineshed.model.launch import Token
from engineshed.model.message import Batch
from engineshed.model.wiring import Wiring
from engineshed.ports.engine import Surroundings

CONTEXT = "context.json"
MESSAGES = "messages.jsonl"


class FileReader:
    """Reads the messages of one folder. Keeps nothing between polls."""

    def __init__(self, address: str) -> None:
        self._messages = Path(address, MESSAGES)

    def poll(self, cursor: str) -> Batch:
        """The messages after the cursor. Costs one stat when nothing is new. Raises ChannelError, AccessDenied."""
        with _as_channel_errors(self._messages):
            return read_lines(self._messages, cursor)


class FileChannel:
    """Files below one folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def name(self) -> str:
        """As engines name it."""
        return "files"

    def prepare(self, token: Token, context: Mapping[str, Any]) -> Wiring:
        """Make the token's folder with its context, unless it has one. Raises ChannelError, AccessDenied."""
        if Path(token).name != token or token in {"", ".."}:
            raise ChannelError(f"{token!r} cannot name a folder: a token is a single word.")
        folder = self._root / token
        with _as_channel_errors(folder):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            _put_if_absent(folder / CONTEXT, json.dumps(context))
            # Made here, so that a writer which knows nothing of permissions finds it closed to others.
            os.close(os.open(folder / MESSAGES, os.O_CREAT | os.O_WRONLY, 0o600))
        return _wiring(self.name, folder)

    def reader(self, address: str) -> FileReader:
        """A reader of that folder."""
        return FileReader(address)

    def remove(self, address: str) -> None:
        """Delete context and messages; nothing else that may lie there. Raises AccessDenied, ChannelError."""
        folder = Path(address)
        with _as_channel_errors(folder):
            for path in (folder / CONTEXT, folder / MESSAGES, *folder.glob(f".{CONTEXT}.*")):
                path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                if not any(folder.iterdir()):
                    folder.rmdir()


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> FileChannel:
    """The channel `files`. Setting `root`: where folders lie; by default `channels` in the home folder.

    Raises SettingInvalid.
    """
    for key in settings:
        if key != "root":
            raise SettingInvalid(f"channels.files.{key}: no such setting; allowed is root.")
    root = settings.get("root", str(Path(surroundings.home, "channels").absolute()))
    if not isinstance(root, str) or not Path(root).is_absolute():
        raise SettingInvalid(f"channels.files.root: {root!r} is no absolute path: drivers run in other folders.")
    return FileChannel(Path(root))


def _wiring(name: str, folder: Path) -> Wiring:
    context, messages = (encode_param({"path": str(folder / file)}) for file in (CONTEXT, MESSAGES))
    return Wiring(
        channel=name,
        address=str(folder),
        env={DAGSTER_PIPES_CONTEXT_ENV_VAR: context, DAGSTER_PIPES_MESSAGES_ENV_VAR: messages},
        arguments=(DAGSTER_PIPES_CONTEXT_CLI_ARGUMENT, context, DAGSTER_PIPES_MESSAGES_CLI_ARGUMENT, messages),
    )


def _put_if_absent(path: Path, text: str) -> None:
    """Whole or not at all, and never over another's: of two at once, one stays and both go on."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as writer:
            writer.write(text)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _as_channel_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise AccessDenied(f"{error.filename or path} is closed to us: {error.strerror}. Run as its owner.") from error
    except OSError as error:
        raise ChannelError(f"{error.filename or path}: {error.strerror}.") from error

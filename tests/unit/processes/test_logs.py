from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineshed.model.errors import ChannelError
from engineshed.processes.folder import RunFolder
from engineshed.processes.logs import CHUNK_BYTES, last_lines, next_chunk

LINES = st.lists(st.sampled_from(["", "a", "straße", "€" * 9_000, "\U0001f980" * 20_000, "x" * 40_000]), max_size=6)


def read_all(folder: RunFolder) -> str:
    texts, cursor = [], ""
    while (chunk := next_chunk(folder, cursor, final=True)).text:
        assert len(chunk.text.encode()) <= CHUNK_BYTES
        texts.append(chunk.text)
        cursor = chunk.cursor
    return "".join(texts)


@given(out=LINES, err=LINES)
def test_every_line_arrives_once_whole_and_in_the_order_of_its_stream(
    tmp_path_factory: pytest.TempPathFactory, out: list[str], err: list[str]
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    folder.stdout.write_text("".join(f"o{line}\n" for line in out), encoding="utf-8")
    folder.stderr.write_text("".join(f"e{line}\n" for line in err), encoding="utf-8")
    lines = read_all(folder).splitlines()
    assert [line[1:] for line in lines if line.startswith("o")] == out
    assert [line[1:] for line in lines if line.startswith("e")] == err
    assert len(lines) == len(out) + len(err)


def test_a_line_that_is_not_done_waits_while_the_run_lives(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.stdout.write_bytes("done\nhalf ä".encode()[:-1])
    assert next_chunk(folder, "", final=False).text == "done\n"
    assert next_chunk(folder, "5:0", final=False).text == ""
    assert next_chunk(folder, "5:0", final=True).text == "half �"


def test_a_cursor_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="'12'"):
        next_chunk(RunFolder(tmp_path), "12", final=True)


def test_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert last_lines(path, 3) == ""
    path.write_text("".join(f"{n}\n" for n in range(100_000)), encoding="utf-8")
    assert last_lines(path, 3) == "99997\n99998\n99999"

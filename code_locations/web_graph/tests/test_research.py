"""Research files: what is shipped is whole, what is wrong fails at load by file and key."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

from engineshed.model.errors import SettingInvalid
from web_graph.research import LinkKind, SeedColumn, local_places, read_crawls, read_domains

REPOSITORY = Path(__file__).parents[3]

GOOD = "name: banks\ntitle: Who links to whom among banks\nseeds: {sector: [banks]}\n"


def test_the_shipped_crawls_have_files_and_the_domains_seeds() -> None:
    crawls = read_crawls()
    assert len(crawls.ids) >= 2
    for places in crawls.sample.values():
        for place in places:
            assert list(Path(place).parent.glob(Path(place).name)), f"no file at {place}"
    assert len(read_domains()) >= 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "langs: [en]\n", r"langs: unknown key, is it languages\?; allowed here: .*languages"),
        (
            GOOD + "url_patterns: {includes: []}\n",
            r"url_patterns.includes: unknown key, is it include\?; allowed here: exclude, include",
        ),
        (GOOD.replace("banks\ntitle", "Banks!\ntitle"), r"name: .*\(got 'Banks!'\)"),
        ("name: banks\n", r"title: Field required"),
        (GOOD.replace("name: banks", "name: insurers"), "name is 'insurers', but the file is called 'banks'"),
        (GOOD + "link_kinds: [a, aa]\n", r"link_kinds\.1: .*'a', 'area'.* \(got 'aa'\)"),
        (
            GOOD + 'url_patterns: {include: ["(["]}\n',
            r"url_patterns\.include\.0: .*no regular expression .*\(got '\(\['\)",
        ),
        (GOOD + 'url_patterns: {exclude: ["x", "*"]}\n', r"url_patterns\.exclude\.1: .*no regular expression"),
        (GOOD.replace("sector", "sektor"), r"seeds\.sektor.*'organisation', 'sector' or 'country'"),
        (GOOD + "languages: [english]\n", r"languages\.0: .*\(got 'english'\)"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_wrong_domain_file_names_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "banks.yaml").write_text(text)
    with pytest.raises(SettingInvalid, match=said) as caught:
        read_domains(tmp_path)
    assert "banks.yaml" in str(caught.value)


def test_the_allowed_words_are_those_of_the_payloads() -> None:
    payloads = {path.stem: path.read_text() for path in (REPOSITORY / "spark" / "web_graph" / "webgraph").glob("*.py")}
    kinds = ", ".join(f'"{kind}"' for kind in get_args(LinkKind))
    assert f"KINDS: Final = ({kinds})" in payloads["page"]
    columns = ast.literal_eval(payloads["tables"].partition("SEED_COLUMNS: Final = ")[2].splitlines()[0])
    assert {*get_args(SeedColumn), "url"} == set(columns)


def test_local_places_are_relative_to_the_file_and_addresses_stay(tmp_path: Path) -> None:
    path = tmp_path / "crawls.yaml"
    path.write_text("sample: {B: [../w/*.gz]}\nfull: {A: ['s3://bucket/x/*.gz']}\n")
    crawls = read_crawls(path)
    assert crawls.ids == ["A", "B"]
    assert crawls.sample["B"] == (str((tmp_path.parent / "w").resolve()) + "/*.gz",)
    assert crawls.full["A"] == ("s3://bucket/x/*.gz",)


def test_crawls_that_lie_alike_are_told_apart_by_their_id_alone() -> None:
    alike = {"c1": ("/data/c1/*.gz", "s3://bucket/c1/*"), "c2": ("/data/c2/*.gz",)}
    assert local_places(alike) == ("/data/{crawl}/*.gz",)
    unlike = {"c1": ("/data/c1/*.gz",), "c2": ("/other/c2/*.gz",), "c3": ()}
    assert local_places(unlike) == ("/data/c1/*.gz", "/other/c2/*.gz")
    assert local_places({"c1": (), "c2": ("s3://bucket/c2/*",)}) == ()

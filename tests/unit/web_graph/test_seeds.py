"""Seed companies: one node per registrable domain, every row left out kept with its reason."""

from __future__ import annotations

import pytest

from webgraph.drops import Drop
from webgraph.seeds import Seed, SeedColumnsMissing, SeedsUnreadable, clean, read_csv
from webgraph.selection import DefinitionInvalid

HEADER = "organisation,url,sector,country\n"


@pytest.fixture
def csv_file(tmp_path):
    def write(text: str | bytes, name: str = "seeds.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def reasons(*urls: str) -> list[str]:
    cleaned = clean(Seed(row=row, url=url) for row, url in enumerate(urls, start=1))
    return [str(drop["reason"]) for drop in cleaned.drops]


def test_a_row_becomes_a_node(csv_file):
    [node] = clean(read_csv(csv_file(HEADER + "Acme, HTTPS://WWW.Acme.co.uk:443/a/../b#c ,steel,GB\n"))).nodes
    assert node == {
        "domain": "acme.co.uk",
        "organisation": "Acme",
        "url": "https://www.acme.co.uk/b",
        "host": "www.acme.co.uk",
        "sector": "steel",
        "country": "GB",
    }


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("acme.com", "acme.com"),
        ("//acme.com/x", "acme.com"),
        ("www.acme.com:8080/x", "acme.com"),
        ("http://bücher.de/", "xn--bcher-kva.de"),
        ("https://someone.github.io/", "someone.github.io"),
        ("http://shop.acme.com.au", "acme.com.au"),
    ],
)
def test_urls_as_people_write_them(written, domain):
    assert [node["domain"] for node in clean([Seed(row=1, url=written)]).nodes] == [domain]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", Drop.NO_URL),
        ("n/a", Drop.BAD_URL),
        ("http://exa mple.com", Drop.BAD_URL),
        ("mailto:info@acme.com", Drop.OTHER_SCHEME),
        ("http://192.0.2.1/", Drop.IP_HOST),
        ("http://[2001:db8::1]/", Drop.IP_HOST),
        ("http://3221225985/", Drop.IP_HOST),
        ("http://localhost/", Drop.NO_DOMAIN),
        ("http://co.uk/", Drop.NO_DOMAIN),
        ("https://www.facebook.com/acme", Drop.PLATFORM),
        ("https://github.com/acme", Drop.PLATFORM),
        ("https://www.amazon.de/stores/acme", Drop.PLATFORM),
        ("https://acme.myshopify.com.example.com", None),
        ("https://bit.ly/x", Drop.PLATFORM),
        ("http://www.sedoparking.com/acme.com", Drop.PARKED),
        ("http://acme.com/lander", Drop.PARKED),
    ],
)
def test_rows_that_are_no_company_site_are_dropped_with_their_reason(url, reason):
    assert reasons(url) == ([reason] if reason else [])


def test_the_first_row_of_a_domain_stays():
    cleaned = clean([Seed(row=1, url="a.com", organisation="first"), Seed(row=2, url="http://www.a.com/x")])
    assert [node["organisation"] for node in cleaned.nodes] == ["first"]
    assert cleaned.drops == [{"row": 2, "organisation": None, "url": "http://www.a.com/x", "reason": Drop.DUPLICATE}]


def test_a_selector_keeps_the_rows_of_its_values():
    seeds = [Seed(row=1, url="a.com", sector="Steel"), Seed(row=2, url="b.com", sector="tea"), Seed(row=3, url="c.com")]
    cleaned = clean(seeds, {"sector": ["steel"]})
    assert [node["domain"] for node in cleaned.nodes] == ["a.com"]
    assert cleaned.counts() == {Drop.NOT_SELECTED: 2}
    assert (cleaned.selected(), clean(seeds, {"sector": ["none"]}).selected()) == (1, 0)
    with pytest.raises(DefinitionInvalid, match="colour"):
        clean(seeds, {"colour": ["red"]})


def test_wrong_columns_are_refused_by_name(csv_file):
    path = csv_file("organisation,website,country\nAcme,acme.com,GB\n")
    with pytest.raises(
        SeedColumnsMissing, match=r"seeds\.csv lacks the columns url, sector; it has organisation, website"
    ):
        list(read_csv(path))
    with pytest.raises(SeedColumnsMissing, match="it has none"):
        list(read_csv(csv_file("")))


def test_a_seed_list_that_cannot_be_read_is_named_with_what_to_do(tmp_path):
    for path, fact in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(
            SeedsUnreadable, match=rf"{path} cannot be read \({fact}.*\): correct the path, or put a CSV"
        ):
            list(read_csv(path))


def test_garbage_rows_are_counted_and_cost_no_other_row(csv_file):
    good = [f"Org {n},org{n}.com,s,AT\n" for n in range(200)]
    garbage = ["too,few\n", '"never closed,x.com,s,AT\n', "a,b,c,d,e,f\n", "\x00\x01\n"]
    text = HEADER + "".join(good[:100] + garbage + good[100:])
    cleaned = clean(read_csv(csv_file(text.encode() + b"\xff\xfe,bad-bytes.com,s,AT\n")))
    assert len(cleaned.nodes) == 201
    assert cleaned.counts() == {Drop.WRONG_FIELDS: 4}
    assert [drop["row"] for drop in cleaned.drops] == [101, 102, 103, 104]


def test_quoted_line_breaks_other_orders_and_further_columns_are_fine(csv_file):
    text = '\ufeffid,URL,organisation,sector,country\n1,a.com,"A\nand ""Co""",s,AT\n\n2,b.com,B,,\n'
    first, second = clean(read_csv(csv_file(text))).nodes
    assert first["organisation"] == 'A\nand "Co"'
    assert (second["sector"], second["country"]) == (None, None)

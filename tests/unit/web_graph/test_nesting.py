"""Depth is bounded before the parser pays for it, and ordinary pages are far from the bound."""

from __future__ import annotations

import time

import pytest

from webgraph.nesting import MAX_DEPTH, too_deep

N = MAX_DEPTH * 2


@pytest.mark.parametrize(
    "html",
    [
        b"<div>" * N,
        b"<DIV CLASS='a>b'>" * N,
        b"<p>x</p>" * N + b"<section>" * N,
        b"<section>" * N + b"</section>" * N,
        b"<b><p>" * N,
        b"<font color=red>x" * N,
        b"<table><tr><td>" * N,
        b"<ul><li>" * N,
        b"<div></span>" * N,
        b"<div><!-- </div> -->" * N,
        b'<div title="</div>">' * N,
    ],
)
def test_unclosed_elements_are_too_deep(html):
    started = time.process_time()
    assert too_deep(html)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "html",
    [
        b"<div>" * (MAX_DEPTH - 10),
        b"<div><a href=x>y</a></div>" * N,
        b"<p>one<br>two<img src=x>" * N,
        b"<ul>" + b"<li><a href=x>item</a>" * N + b"</ul>",
        b"<dl>" + b"<dt>a<dd>b" * N + b"</dl>",
        b"<table>" + b"<tr><td>a<td><b>b</b>" * N + b"</table>",
        b"<select>" + b"<option>a" * N + b"</select>",
        b"<a name=x>" * N,
        b"<script>'<div>' + '<div>'</script>" * N,
        b"<!-- <div> -->" * N,
        b"a < b " * N,
        b"<br/>" * N,
        b'<input value="a > b">' * N,
        b"<div><b>x</div></b>" * N,
        b"<script>" * 100_000,
        b"<!-- " * 100_000,
        b"<a " * 300_000,
        b"<span>" * 1000 + b"</x><br>" * 100_000,
    ],
)
def test_long_documents_that_nest_little_are_not(html):
    assert not too_deep(html)

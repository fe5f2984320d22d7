"""Which encoding a document is in, by the order of the WHATWG standards."""

from __future__ import annotations

import pytest

from webgraph.charset import choose, codec_of, to_utf8

RUSSIAN = "Мы говорим о том, что это простая проверка русского текста и его кодировки"
JAPANESE = "これは日本語の文章です。文字コードを調べるために書きました。"
CHINESE = "这是一个中文的句子，我们用它来检查编码的识别是不是正确，大家都可以看到这个结果。"


@pytest.mark.parametrize(
    ("html", "content_type", "codec"),
    [
        (b"plain", None, "utf-8"),
        ("é".encode(), None, "utf-8"),
        (b"caf\xe9 au lait", None, "cp1252"),
        (b"\xef\xbb\xbfx", "text/html; charset=windows-1251", "utf-8"),
        (b"\xff\xfex\x00", None, "utf-16-le"),
        (b"\xfe\xff\x00x", None, "utf-16-be"),
        (b"<meta charset=utf-8>", "text/html; charset=windows-1251", "cp1251"),
        (b"x", 'text/html; charset="ISO-8859-1"', "cp1252"),
        (b"x", "text/html;charset= Shift_JIS ;x=y", "cp932"),
        (b"<meta charset='gb2312'>", "text/html", "gb18030"),
        (b"<META http-equiv=Content-Type content='text/html; charset=koi8-r'>", None, "koi8-r"),
        (b"<meta content='text/html; charset=koi8-r' name=x>\xff", None, "cp1252"),
        (b"<!-- <meta charset=koi8-r> --><meta charset=big5>", None, "big5hkscs"),
        (b"<p title='<meta charset=koi8-r>'><meta charset=euc-kr>", None, "cp949"),
        (b"<meta charset=utf-16>", None, "utf-8"),
        (b"<meta charset=x-user-defined>", None, "cp1252"),
        (b" " * 1024 + b"<meta charset=koi8-r>", None, "utf-8"),
        (b"<?xml version='1.0' encoding='iso-8859-2'?><html>", None, "iso8859-2"),
        (RUSSIAN.encode("cp1251"), None, "cp1251"),
        (RUSSIAN.encode("koi8-r"), None, "koi8-r"),
        (JAPANESE.encode("cp932"), None, "cp932"),
        (JAPANESE.encode("euc_jp"), None, "euc_jp"),
        (JAPANESE.encode("iso2022_jp") + b"\xff", None, "iso2022_jp"),
        (CHINESE.encode("gb18030"), None, "gb18030"),
    ],
)
def test_the_encoding_is_chosen_in_the_standards_order(html, content_type, codec):
    assert choose(html, content_type) == (codec, False)


def test_an_unknown_label_is_told_and_the_next_rule_decides():
    assert choose(b"<meta charset=koi8-r>", "text/html; charset=klingon") == ("koi8-r", True)
    assert choose("é".encode(), "text/html; charset=klingon") == ("utf-8", True)
    assert choose(b"<meta charset=klingon>\xe9", None) == ("cp1252", True)


def test_labels_mean_what_the_standard_says():
    assert codec_of(" Latin1 ") == codec_of("US-ASCII") == "cp1252"
    assert codec_of("utf8") == "utf-8"
    assert codec_of("utf-7") is None


def test_documents_become_utf_8():
    assert to_utf8("\ufeffé".encode("utf-16-le"), "utf-16-le") == "é".encode()
    assert to_utf8(b"\xef\xbb\xbfx", "utf-8") == b"x"
    assert to_utf8(b"\x80\x81", "cp1252") == "€\x81".encode()
    assert to_utf8(b"\x81\xff", "cp932").decode().startswith("\ufffd")

"""Which encoding an HTML document is in, by the order of the WHATWG standards.

Byte order mark, then the HTTP header, then what the first 1024 bytes declare, then UTF-8 if the bytes are that,
then a guess. Labels are those of the encoding standard, where "iso-8859-1" means windows-1252. The codecs are
Python's; where they leave bytes undefined that the standard maps to C1 controls, so do we.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from webgraph.detection import guess

# Labels of https://encoding.spec.whatwg.org/#names-and-labels by Python codec, those that are only digits and
# dashes apart folded by `_fold`.
_LABELS: Final = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e"
    " iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597"
    " iso_8859-7 iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598"
    " iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591"
    " iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5"
    " windows-1254 x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso2022_jp": "csiso2022jp iso-2022-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601"
    " windows-949",
    "utf-16-be": "unicodefffe utf-16be",
    "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
}
_CODEC_OF: Final = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))
PRESCAN_BYTES: Final = 1024

_header_charset = re.compile(r"charset\s*=\s*[\"']?([^\"'\s;]+)", re.IGNORECASE).search
_xml_encoding = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"']+)[\"']").match
# One markup item at a time, as in the standard's prescan: a comment hides what is in it, and so does a tag's
# quoted attribute value.
_items = re.compile(
    rb"<!--.*?(?:-->|$)|<meta(?=[\s/])((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>|</?[A-Za-z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>",
    re.IGNORECASE | re.DOTALL,
).finditer
_attributes = re.compile(rb"([^\s=/>\"']+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]*)))?", re.DOTALL).finditer


def codec_of(label: str) -> str | None:
    """Python codec of an encoding label, None for a label that the standard does not list."""
    return _CODEC_OF.get(label.strip("\t\n\f\r ").lower())


def declared_in_header(content_type: str | None) -> str | None:
    """Charset label of a Content-Type header, as written; None when it has none."""
    found = _header_charset(content_type) if content_type else None
    return found.group(1) if found else None


def declared_in_markup(html: bytes) -> str | None:
    """Charset label that the first bytes declare: a meta element, or an XML declaration; as written."""
    head = html[:PRESCAN_BYTES]
    lowered = head.lower()
    if b"<meta" in lowered and b"charset" in lowered:
        for item in _items(head):
            label = _label_of_meta(item.group(1)) if item.group(1) is not None else None
            if label is not None:
                return label
    xml = _xml_encoding(head)
    return xml.group(1).decode("latin-1") if xml else None


def _label_of_meta(attributes: bytes) -> str | None:
    values: dict[str, str] = {}
    for found in _attributes(attributes):
        value = found.group(2) or found.group(3) or found.group(4) or b""
        values.setdefault(found.group(1).decode("latin-1").lower(), value.decode("latin-1"))
    if "charset" in values:
        return values["charset"]
    if values.get("http-equiv", "").lower() == "content-type":
        return declared_in_header(values.get("content"))
    return None


def choose(html: bytes, content_type: str | None) -> tuple[str, bool]:
    """Codec of a document, and whether a declared label was unknown on the way.

    `content_type` is the HTTP header's value. A document that declares nothing known is UTF-8 if its bytes are.
    """
    if html[:1] in (b"\xef", b"\xfe", b"\xff"):
        for mark, codec in _MARKS:
            if html.startswith(mark):
                return codec, False
    unknown = False
    label = declared_in_header(content_type)
    if label is not None:
        codec_in_header = codec_of(label)
        if codec_in_header is not None:
            return codec_in_header, False
        unknown = True
    label = declared_in_markup(html)
    if label is not None:
        codec_in_markup = _codec_of_markup(label)
        if codec_in_markup is not None:
            return codec_in_markup, unknown
        unknown = True
    try:
        html.decode("utf-8")
    except UnicodeDecodeError:
        return guess(html), unknown
    return "utf-8", unknown


def _codec_of_markup(label: str) -> str | None:
    """As the standard has it: bytes in which a meta element could be read are not UTF-16."""
    if label.strip().lower() == "x-user-defined":
        return "cp1252"
    codec = codec_of(label)
    return "utf-8" if codec in ("utf-16-be", "utf-16-le") else codec


def to_utf8(html: bytes, codec: str) -> bytes:
    """Document as UTF-8 without byte order mark; what does not decode becomes U+FFFD."""
    if codec == "utf-8":
        # Invalid sequences stay: the parser hands out U+FFFD for them and keeps all markup bytes.
        return html[3:] if html.startswith(b"\xef\xbb\xbf") else html
    text = html.decode(codec, "whatwg" if codec.startswith("cp125") or codec == "cp874" else "replace")
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _c1_or_replacement(error: UnicodeError) -> tuple[str, int]:
    """Bytes 0x80 to 0x9F that a windows codec leaves undefined are C1 controls in the standard."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte = error.object[error.start]
    return chr(byte) if 0x80 <= byte <= 0x9F else "\ufffd", error.start + 1


codecs.register_error("whatwg", _c1_or_replacement)

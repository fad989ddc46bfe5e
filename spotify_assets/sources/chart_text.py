"""The bytes of a chart file to text that can be trusted - or a refusal that names the file and the line.

What belongs here: compression, encodings, and text that was garbled before it reached us. No CSV and no charts; that
is `chart_files`. Text is never repaired: what an earlier program did to one letter it may have done to others unseen.
"""

from __future__ import annotations

import gzip
import re
import zlib
from functools import lru_cache

from spotify_assets.errors import SourceRefusal

UTF_8_BOM = b"\xef\xbb\xbf"
UTF_16_BOMS = (b"\xff\xfe", b"\xfe\xff")

WINDOWS_1252 = {
    ord(bytes([byte]).decode("cp1252")): byte
    for byte in range(0x80, 0xA0)
    if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}  # undefined there; Windows passes them through
}
# The second and later bytes of a letter in UTF-8, read as Windows-1252 or Latin-1. Some of these are also what a title
# may well end with after a capital letter, as in "IRMÃ…" or "CAFÉ®": these alone prove nothing.
LATER_BYTES = "".join(map(chr, [*range(0x80, 0xC0), *WINDOWS_1252]))
TELLING_LATER_BYTES = "".join(sorted(set(LATER_BYTES) - set("\N{NO-BREAK SPACE}«»…–—‘’“”•®™°")))
TWO_BYTE_LETTER = f"[ÂÃÄÅÆÈÎÏÐÑÒÓ×ØÙÚÛ][{TELLING_LATER_BYTES}]"
THREE_BYTE_LETTER = f"[à-ô](?:[{TELLING_LATER_BYTES}][{LATER_BYTES}]|[{LATER_BYTES}][{TELLING_LATER_BYTES}])"
MISREADINGS = (
    ("Windows-1252 (Latin-1)", "latin-1", re.compile(f"{TWO_BYTE_LETTER}|{THREE_BYTE_LETTER}")),
    ("Mac Roman", "mac_roman", re.compile("„[ÅÇÉ]|√")),
    ("Shift-JIS (cp932)", "cp932", re.compile("[縺繧繝]")),
)
"""Encodings that UTF-8 is mistaken for: label, codec, and what such text typically holds."""

QUESTION_MARKS_FOR_LETTERS = re.compile(r"(?:^|\s)\?{2,}(?=\s|$)|[^\W\d_]\?[a-z]")


def refusal(name: str, what: str, *, why: str, remedy: str, line: int | None = None) -> SourceRefusal:
    """A refusal of a chart file that names it and, where there is one, the line."""
    place = name if line is None else f"{name}, line {line}"
    return SourceRefusal(f"{place}: {what}.", why=why, remedy=remedy)


def utf_8_content(name: str, data: bytes) -> bytes:
    """The bytes of a chart file, unpacked, known to be UTF-8 text, without byte order mark.

    Args:
        name: the file's name, for messages.
        data: text, or gzip of text (told by the bytes, not by the name).

    Raises:
        SourceRefusal: the file is empty, damaged, a web page, an archive or not UTF-8, or letters in it were lost.
    """
    content = _uncompressed(name, data)
    while content.startswith(UTF_8_BOM):
        content = content.removeprefix(UTF_8_BOM)
    if not content.strip():
        raise refusal(
            name,
            "it is empty",
            why="it has no header and no rows",
            remedy="download it again, or remove it: that day is missing",
        )
    _check_encoding(name, content)
    if content.lstrip().startswith(b"<"):
        raise refusal(
            name,
            "it is a web page (HTML), not a CSV file",
            why="Spotify's old site answered with a page for days it did not have; the present one asks for a login",
            remedy="download the chart again while logged in, or remove the file: that day is missing",
        )
    return content


def misreading(text: str) -> tuple[str, str] | None:
    """For UTF-8 text that was read as another encoding and written again: that encoding, and the text as it was meant.

    Told only where it is certain: the text has typical marks and, turned back into bytes, is UTF-8 from end to end.
    None for all other text.
    """
    return None if text.isascii() else _misreading(text)


@lru_cache(maxsize=8192)  # the same titles stand in a chart day after day
def _misreading(text: str) -> tuple[str, str] | None:
    for label, codec, marks in MISREADINGS:
        if marks.search(text):
            bytes_as_read = text.translate(WINDOWS_1252) if codec == "latin-1" else text
            try:
                return label, bytes_as_read.encode(codec).decode("utf-8")
            except UnicodeError:
                continue
    return None


def seems_to_lack_letters(text: str) -> bool:
    """Whether question marks stand where letters should: `??? - Rain`, `Se?orita`. Of one text it is never certain."""
    return "?" in text and QUESTION_MARKS_FOR_LETTERS.search(text) is not None


def _uncompressed(name: str, data: bytes) -> bytes:
    if data.startswith(b"PK\x03\x04"):
        raise refusal(
            name,
            "it is a zip archive or an Excel workbook, not a CSV file",
            why="its first bytes are those of a zip archive",
            remedy="unpack it, or save the sheet as CSV UTF-8",
        )
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise refusal(
            name,
            "its gzip compression is damaged",
            why=f"unpacking stopped with: {error}",
            remedy="download or copy the file again",
        ) from error


def _check_encoding(name: str, content: bytes) -> None:
    if content.startswith(UTF_16_BOMS):
        raise _not_utf_8(name, content, 0, "UTF-16")
    zero = content.find(b"\x00")
    if zero >= 0:
        # UTF-16 without a mark at its beginning has a zero byte for each letter of the ASCII header.
        beginning = content[:64]
        raise _not_utf_8(name, content, zero, "UTF-16" if beginning.count(b"\x00") > len(beginning) // 3 else None)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf_8(name, content, error.start, _likely_encoding(content)) from error
    replaced = content.find("\N{REPLACEMENT CHARACTER}".encode())
    if replaced >= 0:
        raise refusal(
            name,
            "it holds the character U+FFFD, which stands for a letter that was lost",
            why="an earlier program could not read the text; the letters are gone",
            remedy="take the file from where it was first downloaded",
            line=_line_at(content, replaced),
        )


def _not_utf_8(name: str, content: bytes, offset: int, encoding: str | None) -> SourceRefusal:
    seems = f"it looks like {encoding}" if encoding else "what it is instead cannot be told"
    return refusal(
        name,
        "its text is not UTF-8",
        why=f"the byte {content[offset]:#04x} has no place there in UTF-8 text; {seems}",
        remedy="take the file as it was first downloaded, not saved by another program, or convert it to UTF-8",
        line=_line_at(content, offset),
    )


def _likely_encoding(content: bytes) -> str | None:
    """The encoding whose typical letters appear; None where that is not clear."""
    for codec, label in (("cp932", "Shift-JIS (cp932)"), ("euc_jp", "EUC-JP")):
        # Nearly any bytes decode to some kanji; kana show that it is really Japanese.
        if re.search("[ぁ-んァ-ヶ]", _decoded(content, codec)):
            return label
    western = _decoded(content, "cp1252") and not re.search(rb"[\x80-\xff]{3}", content)
    return "Windows-1252 (Latin-1)" if western else None


def _decoded(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return ""


def _line_at(content: bytes, offset: int) -> int:
    return len(re.findall(rb"\r\n|\r|\n", content[:offset])) + 1

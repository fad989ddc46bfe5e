"""The bytes of a chart file to text that can be trusted - or a refusal that names the file and the line.

What belongs here: compression, encodings, and text that was garbled before it reached us. No CSV and no charts; that
is `chart_files`. Text is never repaired: what an earlier program did to one letter it may have done to others unseen.
A file is read line by line, so that memory does not grow with its length.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from typing import IO

from spotify_assets.errors import SourceRefusal

GZIP_BEGINNING = b"\x1f\x8b"
ZIP_BEGINNING = b"PK\x03\x04"
TAR_MARK = "\0ustar"
"""Stands in the first of the blocks of 512 bytes that a tar archive consists of, after the name of its first file."""
BYTE_ORDER_MARK = "\ufeff"
NO_TEXT = re.compile("[\0\udc80-\udcff\N{REPLACEMENT CHARACTER}]|\x1b[$(][@BJ]")
"""What text has not: zero bytes, bytes that are not UTF-8 (as PEP 383 maps them), the sign for lost letters, and the
escape sequences of ISO-2022-JP."""
LONGEST_LINE = 1_000_000
"""Characters of a line, with its end. A chart's rows have some hundreds; titles of 200,000 have been seen."""
MOST_CHARACTERS = 5_000_000_000
"""Characters of a file, unpacked. The largest that is known, five years of all countries, has 3.5 billion."""
SAMPLE_LINES = 1000
"""How many lines the guess looks at which encoding a text has that is not UTF-8."""

ENCODINGS = [
    *("utf_16", "utf_16_le", "utf_16_be", "iso2022_jp", "cp932", "euc_jp", "cp949", "big5", "gb18030"),
    *("cp1252", "cp1251", "mac_roman"),
]
"""The encodings that chart files may be in. Among all that Python knows, nearly any bytes fit one."""
LABELS = {
    **dict.fromkeys(("latin-1", "cp1252", "sloppy-windows-1252"), "Windows-1252 (Latin-1)"),
    **dict.fromkeys(("utf_16", "utf_16_le", "utf_16_be"), "UTF-16"),
    "cp932": "Shift-JIS (cp932)",
    "euc_jp": "EUC-JP",
    "macroman": "Mac Roman",
    "mac_roman": "Mac Roman",
}
"""What people call encodings, where it is not what the libraries call them."""
KANA = re.compile("[ぁ-んァ-ヶ]")
MISREAD_KANA = (("cp932", re.compile("[縺繧繝]")), ("sloppy-windows-1252", re.compile("ã[\x81-\x83‚ƒ]")))
"""What kana become whose UTF-8 is read as another encoding. ftfy does not know cp932, and needs more than a letter."""

QUESTION_MARKS_FOR_LETTERS = re.compile(r"(?:^|\s)\?{2,}(?=\s|$)|[^\W\d_]\?[a-z]")


def refusal(name: str, what: str, *, why: str, remedy: str, line: int | None = None) -> SourceRefusal:
    """A refusal of a chart file that names it and, where there is one, the line."""
    place = name if line is None else f"{name}, line {line}"
    return SourceRefusal(f"{place}: {what}.", why=why, remedy=remedy)


def check_text(name: str, file: IO[bytes]) -> None:
    """Read a chart file from beginning to end, and refuse what is not text that can be trusted.

    Args:
        name: the file's name, for messages.
        file: text, or gzip of text (told by the bytes, not by the name); seekable, and left open.

    Raises:
        SourceRefusal: the file is empty, damaged, a web page, an archive or not UTF-8, or letters in it were lost.
    """
    first_words = before = ""
    with text_lines(name, file) as lines:
        for number, line in enumerate(lines, 1):
            stranger = NO_TEXT.search(line)
            if stranger and number == 1 and TAR_MARK in line:
                raise refusal(
                    name,
                    "it is a tar archive, not a CSV file",
                    why="its first bytes are those of a tar archive",
                    remedy="unpack it and give the files in it",
                )
            if stranger:
                raise _no_text(name, number, stranger[0], before + "".join([line, *islice(lines, SAMPLE_LINES)]))
            if not before and not line.isascii():
                before = line
            first_words = first_words or line.strip()
    if not first_words:
        raise refusal(
            name,
            "it is empty",
            why="it has no header and no rows",
            remedy="download it again, or remove it: that day is missing",
        )
    if first_words.startswith(("{", "[")):
        raise _json(name, file)
    if first_words.startswith("<"):
        raise refusal(
            name,
            "it is a web page (HTML), not a CSV file",
            why="Spotify's old site answered with a page for days it did not have; the present one asks for a login",
            remedy="download the chart again while logged in, or remove the file: that day is missing",
        )


@contextmanager
def text_lines(name: str, file: IO[bytes]) -> Iterator[Iterator[str]]:
    """The lines of a chart file from its beginning, with their ends, unpacked and without byte order mark.

    What is not UTF-8 comes as lone surrogates (PEP 383); `check_text` refuses it.

    Raises:
        SourceRefusal: the file is a zip archive, its compression is damaged, or a line is longer than any row.
    """
    text = io.TextIOWrapper(_unpacked(name, file), encoding="utf-8", errors="surrogateescape", newline="")
    try:
        lines = _lines(name, text)
        yield chain([next(lines, "").lstrip(BYTE_ORDER_MARK)], lines)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refusal(
            name,
            "its gzip compression is damaged",
            why=f"unpacking stopped with: {error}",
            remedy="download or copy the file again",
        ) from error
    finally:
        text.detach()  # else the file would be closed with it


def _lines(name: str, text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a text, none of which is held in memory that is longer than any row of a chart."""
    number = characters = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        characters += len(line)
        if characters > MOST_CHARACTERS:
            raise refusal(
                name,
                f"unpacked it has more than {MOST_CHARACTERS:,} characters",
                why="that is more than all charts of all countries together: it was packed to fill a disk",
                remedy="download the chart again, or cut the file into smaller ones",
                line=number,
            )
        if len(line) > LONGEST_LINE:
            raise refusal(
                name,
                f"it has a line of more than {LONGEST_LINE:,} characters",
                why="a row of a chart has some hundreds, so this is no table, or it has lost its line ends",
                remedy="download the chart again, or remove the file: that day is missing",
                line=number,
            )
        yield line


@lru_cache(maxsize=8192)  # the same titles stand in a chart day after day
def misreading(text: str) -> tuple[str, str] | None:
    """For UTF-8 text that was read as another encoding and written again: that encoding, and the text as it was meant.

    Reported only where it is certain: the text looks like that and, turned back into bytes, is UTF-8 from end to end.
    None for all other text.
    """
    import ftfy

    for codec, marks in MISREAD_KANA:
        if marks.search(text):
            try:
                return LABELS[codec], text.encode(codec).decode("utf-8")
            except UnicodeError:
                continue
    whole_text_only = ftfy.TextFixerConfig(
        restore_byte_a0=False, replace_lossy_sequences=False, decode_inconsistent_utf8=False, fix_c1_controls=False
    )
    found = ftfy.fix_encoding_and_explain(text, whole_text_only)
    read_as = next((step.parameter for step in found.explanation or () if step.action == "encode"), None)
    return (LABELS.get(read_as, read_as), found.text) if read_as else None


def seems_to_lack_letters(text: str) -> bool:
    """Whether question marks stand where letters should: `??? - Rain`, `Se?orita`. Of one text it is never certain."""
    return "?" in text and QUESTION_MARKS_FOR_LETTERS.search(text) is not None


def _unpacked(name: str, file: IO[bytes]) -> IO[bytes] | gzip.GzipFile:
    file.seek(0)
    beginning = file.read(len(ZIP_BEGINNING))
    file.seek(0)
    if beginning == ZIP_BEGINNING:
        raise refusal(
            name,
            "it is a zip archive or an Excel workbook, not a CSV file",
            why="its first bytes are those of a zip archive",
            remedy="unpack it, or save the sheet as CSV UTF-8",
        )
    return gzip.GzipFile(fileobj=file) if beginning.startswith(GZIP_BEGINNING) else file


def _json(name: str, file: IO[bytes]) -> SourceRefusal:
    """The refusal for a saved answer of a service: if it is one of Spotify's errors, in its own words."""
    with text_lines(name, file) as lines:
        beginning = "".join(islice(lines, SAMPLE_LINES))[:100_000]
    try:
        said = json.loads(beginning)["error"]
        error = f"the error {said['status']}: {said['message']}"
    except (ValueError, LookupError, TypeError, RecursionError):
        error = f"an answer that begins with {' '.join(beginning.split())[:80]!r}"
    return refusal(
        name,
        "it is JSON, not a CSV file",
        why=f"what was saved is {error}",
        remedy="download the chart again at charts.spotify.com, or remove the file: that day is missing",
    )


def _no_text(name: str, number: int, stranger: str, sample: str) -> SourceRefusal:
    """The refusal for what stands on a line and is no text; `sample` is that line and those about it."""
    if stranger == "\N{REPLACEMENT CHARACTER}":
        return refusal(
            name,
            "it holds the character U+FFFD, which stands for a letter that was lost",
            why="an earlier program could not read the text; the letters are gone",
            remedy="take the file from where it was first downloaded",
            line=number,
        )
    encoding = _likely_encoding(sample)
    seems = f"it looks like {encoding}" if encoding else "what it is instead cannot be told"
    return refusal(
        name,
        "its text is not UTF-8",
        why=f"the byte {ord(stranger[0]) & 0xFF:#04x} has no place there in UTF-8 text; {seems}",
        remedy="take the file as it was first downloaded, not saved by another program, or convert it to UTF-8",
        line=number,
    )


def _likely_encoding(sample: str) -> str | None:
    """The encoding that a text seems to be in; None where that cannot be told.

    Args:
        sample: the text read as UTF-8, with lone surrogates for the bytes that are not.
    """
    from charset_normalizer import from_bytes

    strangers = len(NO_TEXT.findall(sample))
    letters = len(re.findall(r"[^\x00-\x7f\udc80-\udcff]", sample))
    if letters >= strangers:
        return None  # it is UTF-8 in which some bytes were damaged
    matches = from_bytes(sample.encode("utf-8", errors="surrogateescape"), cp_isolation=ENCODINGS)
    # Of several that fit, kana decide: other encodings give some kanji for nearly any bytes, but hardly kana.
    best = next((match for match in matches if KANA.search(str(match))), matches.best())
    return LABELS.get(best.encoding, best.encoding) if best else None

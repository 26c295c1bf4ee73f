"""Character encodings of text files, recognised by their bytes."""

import codecs
from dataclasses import dataclass
from typing import BinaryIO

from charset_normalizer import from_bytes

CHUNK = 1 << 20
# As much of a file as is looked at where it is not UTF-8, and as is checked to be UTF-8.
SAMPLE, MOST_CHECKED = 1 << 16, 1 << 26

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What spreadsheets of Western Europe write, the most frequent first.
_WESTERN = ("cp1252", "iso8859_15", "mac_roman", "cp850")
# Marks beside letters that such texts contain.
_FRACTIONS = frozenset("¼½¾")
_TYPOGRAPHY = frozenset("\u00a0\u2019\u2018\u201c\u201d\u2026\u2013\u2014«»€°£©®™§·¿¡²³¼½¾\u202f")
# Above these shares, of strange marks beyond ASCII and of such marks among all letters, another
# alphabet is likelier than a Western one, if there are enough letters to tell.
MOST_STRANGE, MOST_BEYOND_ASCII, LEAST_LETTERS = 0.3, 0.4, 30


@dataclass(frozen=True, slots=True)
class Encoding:
    """Encoding of a file.

    Args:
        name: Name of a codec.
        is_certain: True if the bytes prove it (a mark, valid UTF-8); False if it was the
            likeliest.
    """

    name: str
    is_certain: bool


def detect_encoding(stream: BinaryIO) -> Encoding:
    """Return the encoding of a stream, of which at most 64 MB are read.

    Args:
        stream: Stream at its beginning.

    >>> import io
    >>> detect_encoding(io.BytesIO("Découvrir".encode("cp1252")))
    Encoding(name='cp1252', is_certain=False)
    """
    head = stream.read(SAMPLE)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, is_certain=True)
    if unmarked := _unmarked_utf_16(head):
        return Encoding(unmarked, is_certain=False)
    strange = _first_not_utf_8(head, stream)
    return Encoding("utf-8", is_certain=True) if strange is None else _likeliest(strange)


def _unmarked_utf_16(head: bytes) -> str | None:
    """Return the UTF-16 whose ASCII letters explain the NULs of the bytes, if one does."""
    pairs = len(head) // 2
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if pairs and head[offset::2].count(0) > 0.4 * pairs > head[1 - offset :: 2].count(0) * 10:
            return name
    return None


def _first_not_utf_8(head: bytes, stream: BinaryIO) -> bytes | None:
    """Return the first part of a stream that is not UTF-8, or None if all of it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk, n_read = head, 0
    while n_read < MOST_CHECKED:
        n_read += len(chunk)
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # Some bytes around the place, which the decoder may hold back in part.
            begin = max(0, error.start - SAMPLE // 2)
            return error.object[begin : begin + SAMPLE]
        if not chunk:
            break
        chunk = stream.read(CHUNK)
    return None


def _likeliest(sample: bytes) -> Encoding:
    texts = {name: sample.decode(name, "replace") for name in _WESTERN}
    strange = {name: _strange_share(text) for name, text in texts.items()}
    name = min(_WESTERN, key=lambda one: strange[one])
    letters = [mark for mark in texts[name] if mark.isalpha()]
    beyond = sum(not mark.isascii() for mark in letters) / max(1, len(letters))
    is_western = strange[name] <= MOST_STRANGE and beyond <= MOST_BEYOND_ASCII
    if not is_western and len(letters) >= LEAST_LETTERS and (best := from_bytes(sample).best()):
        name = best.encoding
    return Encoding(name, is_certain=False)


def _strange_share(text: str) -> float:
    """Return the share of marks beyond ASCII that no Western text has in their place."""
    places = [at for at, mark in enumerate(text) if mark > "~"]
    strange = sum(_is_strange(text[at - 1 : at], text[at], text[at + 1 : at + 2]) for at in places)
    return strange / max(1, len(places))


def _is_strange(before: str, mark: str, after: str) -> bool:
    if mark.isalpha():
        # A capital inside a word is the letter of another encoding.
        return mark.isupper() and (before.islower() or (before.isalpha() and after.islower()))
    # A fraction inside a word is the letter œ of ISO 8859-15.
    is_letter = mark in _FRACTIONS and before.isalpha() and after.isalpha()
    return is_letter or mark not in _TYPOGRAPHY

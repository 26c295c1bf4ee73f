import io

import pytest

from tables.encoding import MOST_CHECKED, detect_encoding

FRENCH = "test;texte\r\n1;Découvrir l\u2019offre — 20 €\r\n2;Être là dès l\u2019été\r\n"
OLD_FRENCH = FRENCH.replace("\u2019", "'").replace("—", "-").replace("€", "EUR")
# ruff: noqa: RUF001  # letters of other alphabets are the subject
RUSSIAN = "text\r\nСкачать сейчас бесплатно приложение\r\nПопробовать бесплатно сегодня\r\n"
JAPANESE = "test,text\r\n1,今すぐダウンロードしてください\r\n2,無料で試してみる\r\n"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (FRENCH, "utf-8"),
        (FRENCH, "utf-8-sig"),
        (FRENCH, "utf-16"),
        (FRENCH, "utf-16-le"),
        (FRENCH, "utf-16-be"),
        (FRENCH, "cp1252"),
        (FRENCH, "mac_roman"),
        (OLD_FRENCH, "latin-1"),
        (OLD_FRENCH, "cp850"),
        ("Seulement 5 €", "iso8859_15"),
        ("Cœur de l'été : 5 €, déjà", "iso8859_15"),
        ("½ off, ¼ l, 5 ½", "cp1252"),
        ("ÉTÉ À -50 %", "cp1252"),
        ("Größe ändern, Übersicht", "cp1252"),
        ("Mañana, ¿qué?", "cp1252"),
        ("plain", "ascii"),
        (RUSSIAN, "cp1251"),
        (JAPANESE, "shift_jis"),
    ],
)
def test_text_is_the_same_after_a_trip_through_its_encoding(text, codec):
    data = text.encode(codec)
    assert data.decode(detect_encoding(io.BytesIO(data)).name) == text


def test_accent_far_from_the_beginning_is_found():
    data = b"a" * 3_000_000 + "é".encode("cp1252") + b"b"
    found = detect_encoding(io.BytesIO(data))
    assert (found.name, found.is_certain) == ("cp1252", False)


def test_accent_on_the_border_of_two_chunks_is_utf_8():
    for shift in range(3):
        data = b"a" * ((1 << 16) - shift) + "é".encode() * 10
        assert detect_encoding(io.BytesIO(data)).is_certain


def test_endless_stream_is_read_to_a_limit():
    class Zeros(io.RawIOBase):
        n_read = 0

        def read(self, size=-1):
            self.n_read += size
            return bytes(size)

    stream = Zeros()
    detect_encoding(stream)
    assert stream.n_read < 2 * MOST_CHECKED

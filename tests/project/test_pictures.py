"""Pictures of README and guides: each is there, light, described in words and shown somewhere."""

import re
import struct

import pytest

from tests.end_to_end.pictures import (
    HEADINGS,
    MOST_BYTES,
    PICTURES,
    TEXTS,
    lines_of,
    with_lines,
)

PICTURE = re.compile(r"!\[([^\]]*)\]\(((?:docs/)?pictures/[^)]+)\)")
FORMER = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", 0xAE426082)


@pytest.fixture(scope="module")
def shown(pytestconfig):
    """Description, file and page of every picture that a page of ours shows."""
    root = pytestconfig.rootpath
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    found = [
        (words, (page.parent / name).resolve(), page.name)
        for page in pages
        for words, name in PICTURE.findall(page.read_text(encoding="utf-8"))
    ]
    assert {"README.md", "guide-marketer.md", "guide-marketing.md"} <= {page for *_, page in found}
    return found


def test_every_picture_of_a_page_is_there_and_described(shown):
    for words, file, page in shown:
        assert file.is_file(), (page, file.name)
        assert len(words) > 15, (page, file.name)


def test_every_picture_is_shown_and_light(shown, pytestconfig):
    folder = pytestconfig.rootpath / "docs" / "pictures"
    files = {file.name for file in folder.iterdir()}
    assert files == {f"{picture.name}.png" for picture in PICTURES}
    assert files == {file.name for _, file, _ in shown}
    heavy = {name for name in files if (folder / name).stat().st_size > MOST_BYTES}
    assert heavy == set()


def test_picture_keeps_the_headings_and_texts_of_its_page(shown):
    for _, file, _ in shown:
        png = file.read_bytes()
        assert all(lines_of(png, HEADINGS)), file.name
        assert all(lines_of(png, TEXTS)), file.name


def test_headings_and_texts_are_read_as_they_were_written():
    lines = {HEADINGS: ["Décision\u00a0: “A”", "Evidence"], TEXTS: ["15\u00a0%"]}
    png = with_lines(FORMER, lines)
    assert {keyword: lines_of(png, keyword) for keyword in lines} == lines
    with pytest.raises(ValueError, match="subsection not found"):
        lines_of(FORMER, HEADINGS)

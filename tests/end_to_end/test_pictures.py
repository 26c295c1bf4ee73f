"""Pictures of README and guides: of today's pages, by their headings and texts, and light."""

import os

import pytest

from tests.end_to_end.live_service import LiveService
from tests.end_to_end.pictures import (
    ALIVE,
    FOLDER,
    HEADINGS,
    MOST_BYTES,
    PICTURES,
    TEXTS,
    Photographer,
    lines_of,
    with_lines,
)
from tests.end_to_end.test_end_of_test import WON, wait_for_pages

pytestmark = pytest.mark.slow

# `make pictures` sets it: the pictures are stored, not compared.
TAKES = bool(os.environ.get("CTAOPT_TAKE_PICTURES"))


@pytest.fixture(scope="module")
def photographer(chromium, tmp_path_factory):
    service = LiveService(tmp_path_factory.mktemp("pictures"))
    try:
        wait_for_pages(service)
        service.django(WON + ALIVE)
        taking = Photographer(chromium, service)
        yield taking
        taking.context.close()
    finally:
        service.stop()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda one: one.name)
def test_picture_is_of_the_page_as_it_is(photographer, picture):
    png, shown, all_texts = photographer.take(picture)
    file = FOLDER / f"{picture.name}.png"
    if TAKES:
        file.write_bytes(with_lines(png, shown))
    assert all(shown.values())
    kept = file.read_bytes()
    assert lines_of(kept, HEADINGS) == shown[HEADINGS], "make pictures"
    # Fonts of another machine may move the last line over the edge of the picture.
    assert set(lines_of(kept, TEXTS)) <= set(all_texts), "make pictures"
    assert len(png) < MOST_BYTES

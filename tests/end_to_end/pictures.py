"""Pictures of pages for README and guides: `make pictures` takes them anew.

Each keeps in itself the headings and texts that were in it. The tests compare them with what the
pages say today, so that a picture of a former page is found.
"""

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from tests.accounts.conftest import PASSWORD

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
MOST_BYTES = 60_000
# Without the menu, which the theme folds away below 1,280 pixels.
WIDTH = 860
# What a picture keeps, by the keyword of its chunk.
HEADINGS, TEXTS = b"Headings", b"Texts"
FIND_HEADINGS = """([low, high]) => Array.from(document.querySelectorAll("main h1, main h2"))
    .filter((one) => one.checkVisibility())
    .filter((one) => one.getBoundingClientRect().top >= low)
    .filter((one) => one.getBoundingClientRect().bottom <= high)
    .map((one) => one.textContent.trim().replace(/\\s+/g, " "))"""
FIND_TEXTS = """([low, high, inside]) => Array.from(document.querySelectorAll(inside))
    .filter((one) => one.checkVisibility())
    .flatMap((one) => Array.from(one.childNodes))
    .filter((node) => node.nodeType === Node.TEXT_NODE)
    .filter((node) => {
        const range = document.createRange()
        range.selectNodeContents(node)
        const box = range.getBoundingClientRect()
        return box.height && box.top >= low && box.bottom <= high
    })
    .map((node) => node.textContent.trim().replace(/\\s+/g, " "))
    .filter((text) => text)"""
# A worker that lives: without one every page says so first.
ALIVE = """
from django.utils import timezone
from experiments.models import Heartbeat
from experiments.services.monitoring.heartbeats import beat
for role in (Heartbeat.Role.WORKER, Heartbeat.Role.BEAT):
    beat(role, "picture", started=timezone.now(), now=timezone.now())
"""


class Picture(NamedTuple):
    """A page, the part that is shown of it, the language, and the most pixels of height.

    `texts` are the elements whose texts are the same at every visit.
    """

    name: str
    path: str
    part: str = ".cta-page"
    language: str = "en"
    height: int = 460
    texts: str = "main *"


# Of three arms that a person types: at every look, adjusted for both comparisons.
COUNTS = "arms=A+10000+500%0AB+10000+580%0AC+10000+512&method=sequential&correction=holm&alpha=0.05"
REPORT = Picture("report", "/admin/experiments/experiment/{test}/report/", ".cta-first", height=362)
HOME = Picture("home", "/admin/")
PICTURES = (
    REPORT,
    REPORT._replace(name="report-fr", language="fr"),
    HOME,
    HOME._replace(name="home-fr", language="fr"),
    Picture("new-experiment", "/admin/experiments/experiment/new/?slot={slot}", height=640),
    Picture(
        "significance",
        f"/calculators/significance/?{COUNTS}",
        "section[aria-labelledby]",
        height=500,
    ),
    # Each visitor gets an arm by chance.
    Picture("slots", "/", "main", texts="main h1, main p:not(.arm)"),
)


class Photographer:
    """A browser on a demo in which one arm has won."""

    def __init__(self, browser, service):
        self.service = service
        size = {"width": WIDTH, "height": 900}
        self.context = browser.new_context(color_scheme="light", viewport=size)
        self.page = self.context.new_page()
        self._log_in()

    def _log_in(self):
        page, url = self.page, self.service.url
        page.goto(f"{url}/account/login/?next=/admin/")
        page.fill("[name=login]", "ada")
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("**/admin/")
        link = page.locator("a[href*='/report/']").first.get_attribute("href")
        test = link.split("/experiment/")[1].split("/")[0]
        page.goto(f"{url}/admin/experiments/experiment/new/")
        slot = page.locator("[name=slot] option[value]:not([value=''])").first
        self.names = {"test": test, "slot": slot.get_attribute("value")}

    def take(self, picture):
        """Return the PNG of a part of a page, the headings and texts in it, and all its texts."""
        url, page = self.service.url, self.page
        cookie = {"name": "django_language", "value": picture.language, "url": url}
        self.context.add_cookies([cookie])
        page.goto(url + picture.path.format(**self.names), wait_until="load")
        page.wait_for_load_state("networkidle")
        part = page.locator(picture.part).first.bounding_box()
        part["height"] = min(part["height"], picture.height)
        ends = [part["y"], part["y"] + part["height"]]
        png = page.screenshot(clip=part, animations="disabled", full_page=True)
        shown = {
            HEADINGS: page.evaluate(FIND_HEADINGS, ends),
            TEXTS: page.evaluate(FIND_TEXTS, [*ends, picture.texts]),
        }
        return png, shown, page.evaluate(FIND_TEXTS, [0, 100_000, picture.texts])


def with_lines(png, lines):
    """Return the PNG with lines by keyword, each in a chunk of text, before the end."""
    chunks = b""
    for keyword, each in lines.items():
        text = keyword + b"\x00\x00\x00\x00\x00" + "\n".join(each).encode()
        chunks += struct.pack(">I", len(text)) + b"iTXt" + text
        chunks += struct.pack(">I", zlib.crc32(b"iTXt" + text))
    end = png.rindex(b"IEND") - 4
    return png[:end] + chunks + png[end:]


def lines_of(png, keyword):
    """Return the lines that a picture keeps under a keyword; ValueError for one without."""
    at = png.index(b"iTXt" + keyword)
    length = struct.unpack(">I", png[at - 4 : at])[0]
    text = png[at + 4 : at + 4 + length]
    return text[len(keyword) + 5 :].decode().split("\n")

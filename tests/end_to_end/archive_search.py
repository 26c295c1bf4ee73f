"""The archive's search by meaning, as a person uses it; who encodes for it, and who does not."""

from pathlib import Path

from playwright.sync_api import expect

# What the worker does of the archive, with the encoder of the predictor in use.
ARCHIVE = """
from experiments import tasks
tasks.keep_past_tests()
tasks.keep_meaning_index()
"""
# What the winner says, as nobody wrote it: the encoder of these tests is too small for synonyms.
OTHER_WORDS = {"en": "thing1 free", "fr": "gratuitement essayer"}
NEAREST = {
    "en": "The tests nearest in meaning come first",
    "fr": "Les tests les plus proches par le sens viennent d\u2019abord",
}


def assert_found_by_meaning(live, visit, texts):
    """The archive gives the ended test to a phrase that stands in none of its wordings."""
    live.django(ARCHIVE)
    page, words = visit.page, OTHER_WORDS[visit.language]
    assert not any(words in text.lower() for text in texts.values())
    page.goto(f"{live.url}/admin/experiments/pasttest/?q={words}")
    row = page.locator("#result_list tbody tr, .result-list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(texts["b"])
    expect(page.locator("main")).to_contain_text(NEAREST[visit.language])
    visit.look()
    # Worker and scoring service encode: a process of the pages never loads what that takes.
    assert not any(loads_torch(pid) for pid in family_of(live.web.pid))


def family_of(pid):
    """The number of a living process and those of its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family_of(int(child)))]


def loads_torch(pid):
    return "torch" in Path(f"/proc/{pid}/maps").read_text()

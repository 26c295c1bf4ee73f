"""The report's reader in a real browser: compares, freezes, shares, annotates and prints."""

import re

import pytest

from tests.end_to_end.admin_walk import AXE, OVERFLOW, AdminVisit
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

REPORT = """
from pathlib import Path
from django.conf import settings
from experiments.models import Experiment
test = Experiment.objects.filter(origin="live", rollups__isnull=False).distinct().first()
Path(settings.DATA_DIR, "report.txt").write_text(str(test.pk))
"""
WIDE = """
from datetime import timedelta
from pathlib import Path
from django.conf import settings
from tests import factories
slot = factories.make_slot(factories.make_site("wide"))
shares = dict.fromkeys([f"arm-{n}" for n in range(5)], "0.2")
test = factories.make_running_experiment(slot, "wide", shares=shares)
segments = [f"country={one}" for one in "FR US DE ES IT GB BE NL".split()]
segments += [f"locale={one}" for one in "fr en de es it nl pt pl".split()]
segments += ["device=mobile", "device=desktop", "new_visitor=true", "new_visitor=false"]
for n, arm in enumerate(test.variants.order_by("arm")):
    for day in range(90):
        at = factories.NOW.date() - timedelta(days=day + 1)
        factories.make_rollup(arm, visitors=800, clicks=80 + n, day=at)
    for segment in segments:
        factories.make_rollup(arm, visitors=9_000, clicks=900 + n, segment=segment)
Path(settings.DATA_DIR, "wide.txt").write_text(str(test.pk))
"""
PDF_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
MOST_PRINTED = 4
# Pixels from the top; what is below has to be scrolled to.
SMALL_LAPTOP = 800
VIEWS = [("en-GB", 1280, "light"), ("fr", 390, "dark")]
LACKS = {
    "en-GB": r"a verdict needs (20|100)",
    "fr": r"(il en faut|un verdict en demande) (20|100)",
}
# Names of the links in both languages, and how each file begins.
EXPORTS = {
    "CSV": b"\xef\xbb\xbf",
    "Excel": b"PK",
    "PDF": b"%PDF-",
    "(Notebook|Notebook Jupyter)": b"{",
}


@pytest.fixture(scope="module")
def axe():
    node(CLIENTS)
    return (CLIENTS / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report_path(demo):
    demo.manage("fold_rollups")  # What the worker has not come to yet.
    demo.manage("shell", "--command", REPORT)
    number = (demo.data_dir / "report.txt").read_text()
    return f"/admin/experiments/experiment/{number}/report/"


def opened(chromium, demo, *, locale, width, scheme):
    context = chromium.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        bypass_csp=True,
    )
    visit = AdminVisit(context, demo)
    visit.log_in()
    visit.page.wait_for_url("**/admin/")
    return visit


def check(page, axe):
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate(axe)
    assert page.evaluate(AXE) == []


@pytest.mark.parametrize("locale", ["en-GB", "fr"])
def test_first_screen_holds_the_whole_decision(chromium, demo, report_path, locale):
    visit = opened(chromium, demo, locale=locale, width=1280, scheme="light")
    visit.open(report_path)
    answers = visit.page.locator(".cta-first-figures > div")
    ends = answers.evaluate_all("all => all.map((one) => one.getBoundingClientRect().bottom)")
    assert len(ends) == 4
    assert max(ends) <= SMALL_LAPTOP


@pytest.mark.parametrize(("locale", "width", "scheme"), VIEWS)
def test_reader_compares_freezes_shares_and_annotates(
    chromium, demo, axe, report_path, locale, width, scheme
):
    visit = opened(chromium, demo, locale=locale, width=width, scheme=scheme)
    page = visit.page
    visit.open(f"{report_path}?arm=control&against=b#compare")
    part = page.locator("#compare")
    assert part.is_visible()
    assert part.locator("tbody tr").count() >= 3
    check(page, axe)
    # The form's address is the view.
    part.locator("select[name=reading]").select_option("fixed")
    part.locator("form button").click()
    page.wait_for_url("**reading=fixed**")
    assert page.locator("#compare tbody").last.locator("tr").count() == 1

    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    days = page.locator("#days")
    text = f"Sale on {width}"
    days.locator("[name=text]").fill(text)
    days.locator("form button").last.click()
    page.wait_for_url("**#days")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.locator(".cta-annotations").get_by_text(text).is_visible()
    check(page, axe)

    page.locator("#versions button[value=freeze]").click()
    page.wait_for_url("**version=*")
    check(page, axe)
    page.locator("[name=password]").fill("correct horse")
    page.locator("button[value=share]").click()
    link = page.locator("#new-link").inner_text()
    check(page, axe)

    stranger = chromium.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        bypass_csp=True,
    ).new_page()
    stranger.goto(link)
    check(stranger, axe)
    stranger.locator("[name=password]").fill("correct horse")
    stranger.locator("button").click()
    stranger.locator(".cta-digest").wait_for()
    check(stranger, axe)
    assert stranger.context.cookies() == []
    page.locator("button[value=revoke]").first.click()
    page.wait_for_load_state()
    assert stranger.goto(link).status == 404
    check(stranger, axe)
    for one in (stranger, page):
        one.context.close()


@pytest.mark.parametrize(("locale", "width", "scheme"), VIEWS)
def test_reader_understands_chooses_a_segment_and_takes_the_figures_along(
    chromium, demo, axe, report_path, locale, width, scheme
):
    visit = opened(chromium, demo, locale=locale, width=width, scheme=scheme)
    page = visit.page
    visit.open(report_path)
    # 200 visitors on four wordings, a few of whom clicked: what lacks is said.
    assert re.search(LACKS[locale], page.locator(".cta-first").inner_text())
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    part = page.locator("#compare")
    part.locator("select[name=segment]").select_option("device=desktop")
    part.locator("form button").click()
    page.wait_for_url("**segment=device**")
    assert page.locator("#compare caption").count() >= 1
    check(page, axe)
    for kind, begin in EXPORTS.items():
        link = page.locator(".cta-about a", has_text=re.compile(f"^\\s*{kind}\\s*$"))
        with page.expect_download() as waiting:
            link.click()
        assert waiting.value.path().read_bytes().startswith(begin), kind
    # A browser shows this one itself.
    page.locator(".cta-about a", has_text="JSON").click()
    page.wait_for_url("**/api/v1/experiments/**")
    assert '"visitors"' in page.content()
    page.context.close()


@pytest.mark.parametrize("locale", ["en-GB", "fr"])
def test_verdict_is_in_the_upper_half_of_a_phone(chromium, demo, report_path, locale):
    visit = opened(chromium, demo, locale=locale, width=390, scheme="light")
    visit.open(report_path)
    verdict = visit.page.locator("#first-title").bounding_box()
    visit.page.context.close()
    assert 0 < verdict["y"] + verdict["height"] < 900 / 2


@pytest.fixture(scope="module")
def wide_path(demo):
    """The report of five arms, twenty segments and ninety days."""
    demo.manage("shell", "--command", WIDE)
    number = (demo.data_dir / "wide.txt").read_text()
    return f"/admin/experiments/experiment/{number}/report/"


@pytest.mark.parametrize(("report", "scheme"), [("report_path", "light"), ("wide_path", "dark")])
def test_report_prints_on_four_pages_at_most(chromium, demo, request, report, scheme):
    visit = opened(chromium, demo, locale="en-GB", width=1280, scheme=scheme)
    visit.open(request.getfixturevalue(report))
    visit.page.wait_for_load_state("networkidle")
    pdf = visit.page.pdf(format="A4", print_background=False)
    visit.page.context.close()
    assert pdf.startswith(b"%PDF-")
    assert 1 <= len(PDF_PAGE.findall(pdf)) <= MOST_PRINTED

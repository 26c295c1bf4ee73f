"""From the home to a live test, and to its decision, in a real browser: a desk and a phone."""

import json
from contextlib import closing, suppress
from time import monotonic, sleep
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.accounts.conftest import PASSWORD
from tests.end_to_end.admin_walk import AXE, OVERFLOW
from tests.end_to_end.conftest import settle
from tests.end_to_end.live_service import LiveService
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

# A test of the demo that arm b wins, as a worker leaves it: nothing is decided yet.
WON = f"""
import json
from datetime import timedelta
from pathlib import Path
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from experiments.models import Change, Decision, Experiment, Rollup, Slot, Standing
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.reporting.standings import keep_standings
now = timezone.now()
test = Experiment.objects.get(slot__key="hero-signup", origin="live")
test.slot.site.slots.update(page_pattern="/signup/*")
type(test.slot.site).objects.update(address="https://shop.example")
for rows in (Decision.objects.all(), Standing.objects.all()):
    rows.delete()
for model in (Change, Rollup):
    model.objects.filter(experiment=test).delete()
arms = list(test.variants.order_by("arm"))
Slot.objects.filter(pk=test.slot_id).update(default_cta=arms[0].cta)
Experiment.objects.filter(pk=test.pk).update(
    status="running", started_at=now - timedelta(days=9), stopped_at=None)
for day in (0, 4):
    for arm in arms:
        Rollup.objects.create(
            experiment=test, variant=arm, day=(now - timedelta(days=day)).date(),
            visitors=2000, clicking_visitors=300 if arm.arm == 1 else 100)
if not User.objects.filter(username="ada").exists():
    User.objects.create_superuser("ada", password="{PASSWORD}")
bump_revision()
keep_standings(now=now)
texts = [arm.cta.wordings.get(locale="fr").text for arm in arms[:2]]
Path(settings.DATA_DIR, "wordings.json").write_text(json.dumps(texts))
"""
# A site on which nothing has been done yet.
NEW = """
from experiments.models import Site
Site.objects.get_or_create(key="new", name="New shop", client_key="new-client-key",
    address="https://new.example")
"""

# A site with one slot, on which nothing runs.
SLOT = f"""
from django.contrib.auth.models import User
from experiments.models import CTA, Experiment, Site, Slot, TypedExperiment
if not User.objects.filter(username="ada").exists():
    User.objects.create_superuser("ada", password="{PASSWORD}")
# What a test that failed has left.
Experiment.objects.filter(slot__site__key="lumiere").delete()
for model in (Slot, CTA):
    model.objects.filter(site__key="lumiere").delete()
Site.objects.filter(key="lumiere").delete()
site = Site.objects.create(
    key="lumiere", name="Lumiere", client_key="lumiere-client-key", default_locale="fr")
cta = CTA.objects.create(site=site, name="Sign up", destination="/signup")
cta.wordings.create(locale="fr", text="Je m'inscris")
cta.wordings.create(locale="en", text="Sign up")
Slot.objects.create(site=site, key="top", name="Top", default_cta=cta)
TypedExperiment.objects.all().delete()
"""
STARTED = """
from pathlib import Path
from django.conf import settings
from experiments.models import CTA, Experiment, Slot, Site
rows = Experiment.objects.filter(slot__site__key="lumiere")
lines = [f"{one.status} {one.variants.count()}" for one in rows]
Path(settings.DATA_DIR, "started.txt").write_text(" ".join(lines))
rows.delete()
for model in (Slot, CTA):
    model.objects.filter(site__key="lumiere").delete()
Site.objects.filter(key="lumiere").delete()
"""
MOST_CLICKS, MOST_FIELDS = 15, 10

TEXTS = {
    "en": {
        "ship": "Ship “{}”",
        "end": "End the test now",
        "decision": "Decision: “{}” has won",
        "undo": "Undo: show the former CTA",
        "stays": "The default CTA stays as it is.",
        "decided": "Decided lately",
        "previews": "Previews",
        "open": "Open on the page",
        "steps": "First steps",
        "unseen": "Not seen yet.",
        "new": "New experiment",
        "start": "Start now",
        "blocks": "Blocks:",
    },
    "fr": {
        "ship": "Déployer «\u00a0{}\u00a0»",
        "end": "Terminer le test maintenant",
        "decision": "Décision\u00a0: «\u00a0{}\u00a0» a gagné",
        "undo": "Annuler\u00a0: remettre l\u2019ancien CTA",
        "stays": "Le CTA par défaut reste le même.",
        "decided": "Décisions récentes",
        "previews": "Aperçus",
        "open": "Ouvrir sur la page",
        "steps": "Premiers pas",
        "unseen": "Pas encore vu.",
        "new": "Nouvelle expérience",
        "start": "Démarrer maintenant",
        "blocks": "Bloquant\u00a0:",
    },
}


def wait_for_pages(service, seconds=400):
    """Wait for the process of the pages, which starts after that of the answers."""
    deadline = monotonic() + seconds
    while not has_pages(service):
        assert monotonic() < deadline, service.log()
        sleep(0.5)


def has_pages(service):
    with closing(service.connect()) as connection, suppress(OSError):
        connection.request("GET", "/account/login/")
        return connection.getresponse().status == 200
    return False


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    service = LiveService(tmp_path_factory.mktemp("ending"))
    try:
        wait_for_pages(service)
        yield service
    finally:
        service.stop()


@pytest.fixture
def wordings(live):
    """The wordings of the default and of the winner of a test that waits for its decision."""
    live.django(WON)
    return json.loads((live.folder / "data" / "wordings.json").read_text())


# What htmx writes when the page is left while it draws what was typed last.
LEFT = ("htmx:sendAbort", "htmx:afterRequest")


def is_complaint(message):
    return message.type == "error" and message.text not in LEFT


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desk", "phone"])
def visit(request, chromium, live):
    """A function that opens the home in a language, as a superuser."""
    width, scheme = request.param
    # axe comes as a script of no page's policy.
    context = chromium.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda one: is_complaint(one) and page.complaints.append(one.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))

    def open_home(language):
        cookie = {"name": "django_language", "value": language, "url": live.url}
        context.add_cookies([cookie])
        page.goto(f"{live.url}/account/login/?next=/admin/")
        page.fill("[name=login]", "ada")
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("**/admin/")
        return page

    yield open_home
    settle(page)
    context.close()


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """A check of a page: no wider than the screen, and no rule of accessibility broken."""
    node(CLIENTS)
    axe = (CLIENTS / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    pictures = tmp_path_factory.mktemp("pictures")

    def look(page, name):
        width = page.viewport_size["width"]
        page.screenshot(path=pictures / f"{name}-{width}.png", full_page=True)
        assert page.evaluate(OVERFLOW) == 0
        page.evaluate(axe)
        assert page.evaluate(AXE) == []

    return look


def shown_to(live, visitor):
    """The wording that a new visitor is served."""
    body = json.dumps({"context": {"targetingKey": visitor, "locale": "fr"}}).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": "demo-client-key"}
    url = f"{live.url}/ofrep/v1/evaluate/flags/hero-signup"
    with urlopen(Request(url, body, headers), timeout=30) as answer:  # noqa: S310
        return json.load(answer)["value"]["text"]


def wait_until_all_see(live, page, text):
    """Wait for the serving processes, which look at the configuration once a second."""
    found = set()
    for attempt in range(60):
        found = {shown_to(live, f"new-{attempt}-{n}") for n in range(6)}
        if found == {text}:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{found}, not “{text}”")


def part(page, title):
    return page.locator("section", has=page.get_by_role("heading", name=title))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_winner_is_shipped_from_the_home_and_undone(live, wordings, visit, check, language):
    default, winner = wordings
    page = visit(language)
    texts = {name: text.format(winner) for name, text in TEXTS[language].items()}
    check(page, f"home-{language}")
    page.get_by_role("link", name=texts["ship"]).click()

    expect(page.locator("[name=outcome]:checked")).to_have_value("winner:b")
    promotes, effect = page.locator("[name=promotes]"), page.locator("#end-effect")
    expect(effect).to_contain_text(winner)
    promotes.uncheck()
    expect(effect).to_contain_text(texts["stays"])
    promotes.check()
    expect(effect).not_to_contain_text(texts["stays"])
    check(page, f"end-{language}")
    page.fill("[name=note]", "<b>Shorter.</b>")
    page.get_by_role("button", name=texts["end"]).dblclick()

    expect(page.get_by_role("heading", name=texts["decision"])).to_be_visible()
    expect(page.get_by_text("<b>Shorter.</b>")).to_be_visible()
    check(page, f"decided-{language}")
    wait_until_all_see(live, page, winner)

    page.get_by_role("button", name=texts["undo"]).click()
    expect(page.get_by_role("button", name=texts["undo"])).to_have_count(0)
    wait_until_all_see(live, page, default)
    page.get_by_role("link", name=texts["previews"], exact=True).click()
    expect(page.get_by_role("link", name=texts["open"]).first).to_be_visible()
    check(page, f"previews-{language}")
    page.fill("[name=page]", "pricing")
    page.locator("#preview-make").click()
    expect(page.locator("#preview-page-fault")).to_contain_text("https://shop.example")
    expect(page.locator("[name=page]")).to_have_value("pricing")
    check(page, f"previews-fault-{language}")
    page.goto(f"{live.url}/admin/")
    expect(part(page, texts["decided"])).to_contain_text(winner)
    assert page.complaints == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_new_site_is_led_step_by_step(live, wordings, visit, check, language):
    live.django(NEW)
    page, texts = visit(language), TEXTS[language]
    steps = part(page, texts["steps"])
    expect(steps).to_contain_text(texts["unseen"])
    expect(steps.locator("code")).to_contain_text('/cta.js" data-key="new-client-key"></script>')
    expect(steps.locator(".cta-step-done")).to_have_count(1)
    check(page, f"steps-{language}")
    live.django('from experiments.models import Site; Site.objects.get(key="new").delete()')
    assert page.complaints == []


# The page asks the service while a person types, and the test machine may be busy.
ANSWER_MS = 120_000


class Hand:
    """Clicks and typed fields of a person, counted."""

    def __init__(self):
        self.clicks = self.fields = 0

    def click(self, place, **options):
        self.clicks += options.get("click_count", 1)
        place.click(**options)

    def choose(self, place, label):
        self.clicks += 2  # Opens the list, and takes a line of it.
        place.select_option(label=label)

    def type(self, place, text):
        self.fields += 1
        place.fill(text)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_slot_becomes_a_live_test_with_few_clicks(live, visit, check, language):
    live.django(SLOT)
    page, hand, said = visit(language), Hand(), TEXTS[language]
    hand.click(page.get_by_role("link", name=said["new"]).first)
    hand.choose(page.locator("[name=slot]"), "Top (top)")
    french, checks = page.locator("[name=wordings_fr]"), page.locator("#wizard-checks")
    hand.type(french, "Commencer")
    hand.type(page.locator("[name=wordings_en]"), "Start now\nTry it")
    expect(page.locator("#wizard-drawn")).to_contain_text("Try it", timeout=ANSWER_MS)
    expect(checks).to_contain_text(said["blocks"], timeout=ANSWER_MS)
    # A refused start keeps what was typed.
    hand.click(page.get_by_role("button", name=said["start"]))
    expect(page.get_by_role("alert").first).to_be_visible(timeout=ANSWER_MS)
    expect(french).to_have_value("Commencer")
    hand.type(french, "Commencer\nEssayer")
    expect(checks).not_to_contain_text(said["blocks"], timeout=ANSWER_MS)
    check(page, f"wizard-{language}")

    hand.click(page.get_by_role("button", name=said["start"]), click_count=2)
    page.wait_for_url("**/report/")
    live.django(STARTED)
    assert (live.folder / "data" / "started.txt").read_text() == "running 3"
    assert hand.clicks <= MOST_CLICKS
    assert hand.fields <= MOST_FIELDS
    assert page.complaints == []

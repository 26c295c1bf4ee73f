"""What the page's own analytics hear of exposures, clicks and conversions."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import AT_READY, LINK, flag, of_type, wait_until_counting
from tests.end_to_end.test_snippet_timing import PAINTED

pytestmark = pytest.mark.slow

HEAR = """<script>
  window.heard = [];
  for (const name of ["onShown", "onClicked", "onConverted"])
    (window.ctaopt ||= []).push([name, (event) => heard.push([name, event])]);
</script>"""
TWICE = LINK + '<a data-cta-slot="footer" href="/signup">Sign up</a>'
# The link is clicked, and the page stays.
STAY = """document.addEventListener("click", (event) => event.preventDefault())"""


def heard(page, n_events, name="heard"):
    """Wait until the page has heard of so many; return them."""
    page.wait_for_function(f"window.{name}?.length >= {n_events}")
    return page.evaluate(f"window.{name}")


def test_hooks_hear_what_the_service_hears(visit, service):
    service.flags = [flag()]
    page = visit(head=HEAR)
    expect(page.locator("a")).to_have_text("Start for free")
    heard(page, 1)
    page.evaluate(STAY)
    page.locator("a").click()
    page.evaluate("ctaopt.convert('buy', {value: '49,90', currency: 'eur', order: 1001})")
    events = {event["id"]: event for event in service.wait_for_events(3)}
    told = heard(page, 3)
    assert [name for name, _ in told] == ["onShown", "onClicked", "onConverted"]
    for _, event in told:
        sent = events[event["id"]]
        known = {name: value for name, value in event.items() if value is not None}
        assert known == {name: value for name, value in sent.items() if name != "visitor"}
    shown, clicked, converted = (event for _, event in told)
    assert (shown["slot"], shown["experiment"], shown["variant"]) == ("hero-signup", "hero-1", "b")
    assert (clicked["type"], clicked["slot"]) == ("click", "hero-signup")
    assert (converted["goal"], converted["value"], converted["order"]) == ("buy", "49,90", 1001)


def test_each_exposure_is_told_once(visit, service):
    service.flags = [flag(), flag("footer", "control", "foot-1")]
    page = visit(TWICE, head=HEAR)
    assert {event["slot"] for _, event in heard(page, 2)} == {"hero-signup", "footer"}
    page.evaluate("ctaopt.refresh()")
    service.wait_for_evaluations(2)
    page.evaluate("ctaopt.convert('end')")
    assert [event.get("slot") for _, event in heard(page, 3)][2:] == [None]


@pytest.mark.parametrize("fault", ["throw new Error('broken')", "return Promise.reject('broken')"])
def test_hook_that_fails_hurts_neither_the_others_nor_the_count(visit, service, fault):
    service.flags = [flag()]
    broken = f'<script>(window.ctaopt ||= []).push(["onShown", () => {{ {fault} }}])</script>'
    errors = []
    visit.page.on("pageerror", lambda error: errors.append(str(error)))
    page = visit(head=broken + HEAR)
    heard(page, 1)
    assert [event["type"] for event in service.wait_for_events(1)] == ["exposure"]
    assert len(errors) == 1
    assert "broken" in errors[0]
    expect(page.locator("a")).to_have_text("Start for free")


def test_hook_that_changes_its_event_changes_it_for_nobody(visit, service):
    service.flags = [flag()]
    spoils = '<script>(window.ctaopt ||= []).push(["onShown", (e) => (e.variant = "x")])</script>'
    page = visit(head=spoils + HEAR)
    assert heard(page, 1)[0][1]["variant"] == "b"
    assert service.wait_for_events(1)[0]["variant"] == "b"


def test_late_hook_hears_what_happened_before_in_its_order(visit, service):
    service.flags = [flag(), flag("footer", "control", "foot-1")]
    page = visit(TWICE)
    service.wait_for_events(2)
    page.evaluate("ctaopt.convert('first'); ctaopt.convert('second')")
    page.evaluate("window.heard = []; ctaopt.onConverted((event) => heard.push(event.goal))")
    assert heard(page, 2) == ["first", "second"]
    page.evaluate("window.late = []; ctaopt.onShown((event) => late.push(event.slot))")
    assert sorted(heard(page, 2, "late")) == ["footer", "hero-signup"]
    page.evaluate("ctaopt.convert('third')")
    assert heard(page, 3) == ["first", "second", "third"]


def test_late_hook_hears_the_last_hundred(visit, service):
    page = visit()
    page.evaluate(AT_READY)
    page.evaluate("ctaopt.convert('first')")
    service.wait_for_events(1)
    page.evaluate("for (let n = 0; n < 130; n += 1) ctaopt.convert('goal-' + n)")
    page.evaluate("window.heard = []; ctaopt.onConverted((event) => heard.push(event.goal))")
    goals = heard(page, 100)
    assert (len(goals), goals[0], goals[-1]) == (100, "goal-30", "goal-129")


def test_click_is_told_before_the_page_is_left(visit, service):
    service.flags = [flag()]
    keeps = """<script>(window.ctaopt ||= []).push(
        ["onClicked", (event) => localStorage.setItem("told", event.slot)])</script>"""
    page = wait_until_counting(visit(head=keeps), service)
    expect(page.locator("a")).to_have_text("Start for free")
    page.locator("a").click()
    page.wait_for_url("**/start")
    assert page.evaluate("localStorage.getItem('told')") == "hero-signup"


def test_nothing_is_told_that_may_not_be_sent(visit, service):
    service.flags = [flag()]
    page = visit(head=HEAR, attributes='data-consent="delayed"')
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("ctaopt.convert('buy')")
    page.wait_for_timeout(300)
    assert page.evaluate("heard") == []
    page.evaluate("ctaopt.consent(true)")
    assert {event["type"] for _, event in heard(page, 2)} == {"exposure", "conversion"}
    assert {event["type"] for event in service.wait_for_events(2)} == {"exposure", "conversion"}
    page.evaluate("ctaopt.consent('granted')")
    page.evaluate("ctaopt.convert('again')")
    assert [event.get("goal") for _, event in heard(page, 3)].count("buy") == 1


def test_hooks_do_not_hear_of_events_that_consent_drops(visit, service):
    service.flags = [flag()]
    page = visit()
    earlier = service.wait_for_events(1)[0]["visitor"]
    page = visit(head=HEAR, attributes='data-consent="delayed"')
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("ctaopt.convert('dropped')")
    page.evaluate("ctaopt.consent(true)")
    page.evaluate("ctaopt.convert('kept')")
    events = service.wait_for_events(2)
    page.wait_for_function("heard.some(([, event]) => event.goal === 'kept')")
    told = page.evaluate("heard")
    assert "dropped" not in [event.get("goal") for _, event in told]
    known = {event["id"] for event in service.wait_for_events(len(events)) + events}
    page.wait_for_function("!JSON.parse(localStorage['ctaopt.outbox'] || '[]').length")
    known |= {event["id"] for event in service.events}
    assert {event["id"] for _, event in told} <= known
    assert {event["visitor"] for event in service.events} == {earlier}


def test_withdrawn_consent_silences_hooks_and_forgets_what_they_missed(visit, service):
    service.flags = [flag()]
    page = visit(head=HEAR)
    heard(page, 1)
    page.evaluate("ctaopt.consent(false); ctaopt.convert('buy')")
    page.evaluate("window.late = []; ctaopt.onShown((event) => late.push(event))")
    page.wait_for_timeout(200)
    assert (len(page.evaluate("heard")), page.evaluate("late")) == (1, [])


@pytest.mark.parametrize("layer", ["dataLayer", "_mtm"])
def test_data_layer_of_a_tag_manager_hears_it_too(visit, service, layer):
    service.flags = [flag()]
    head = f"<script>window.{layer} = [{{event: 'first'}}]</script>"
    page = visit(head=head, attributes=f'data-layer="{layer}"')
    service.wait_for_events(1)
    page.evaluate("ctaopt.convert('buy', {value: 5, currency: 'EUR'})")
    _, shown, converted = heard(page, 3, layer)
    assert (shown["event"], shown["ctaopt"]["variant"]) == ("ctaopt_exposure", "b")
    assert (converted["event"], converted["ctaopt"]["value"]) == ("ctaopt_conversion", 5)
    # A data layer goes on knowing a key that the next push leaves out: it must not.
    page.evaluate("ctaopt.convert('again')")
    heard(page, 4, layer)
    assert page.evaluate(f"'value' in {layer}[3].ctaopt && 'order' in {layer}[3].ctaopt")


def test_data_layer_is_made_where_there_is_none(visit, service):
    service.flags = [flag()]
    page = visit(attributes='data-layer="dataLayer"')
    assert [entry["event"] for entry in heard(page, 1, "dataLayer")] == ["ctaopt_exposure"]


def test_visitor_who_was_too_slow_to_be_shown_an_arm_is_not_told(visit, service, hurried_page):
    service.flags = [flag()]
    hurried_page.add_init_script(PAINTED)
    page = visit(head=HEAR, page=hurried_page)
    assert service.wait_for_events(1)[0]["late"] is True
    page.evaluate("ctaopt.convert('end')")
    assert [name for name, _ in heard(page, 1)] == ["onConverted"]


def test_preview_and_cta_without_experiment_are_not_told(visit, service):
    service.flags = [flag(experiment=None), flag("footer", "control", "foot-1")]
    page = visit(TWICE, head=HEAR)
    assert [event["slot"] for _, event in heard(page, 1)] == ["footer"]
    assert len(of_type(service.wait_for_events(1), "exposure")) == 1


@pytest.mark.parametrize(
    "loader",
    [
        '<script async src="{src}"></script>',
        '<script type="module" src="{src}"></script>',
        # As a tag manager does: the attributes that it does not know are gone.
        """<script>const s = document.createElement("script"); s.src = "{src}";
            document.head.append(s);</script>""",
    ],
    ids=["script", "module", "tag manager"],
)
def test_options_may_be_in_the_address(visit, service, site, loader):
    service.flags = [flag()]
    src = f"{service.origin}/cta.js?key=k-2&layer=dataLayer&patience=30000"
    page = visit.page
    site.pages["/"] = [f"<!doctype html><title>Site</title>{loader.format(src=src)}{LINK}"]
    page.goto(site.origin)
    expect(page.locator("a")).to_have_text("Start for free")
    assert service.wait_for_evaluations(1)[0].headers["x-api-key"] == "k-2"
    assert [entry["event"] for entry in heard(page, 1, "dataLayer")] == ["ctaopt_exposure"]
    service.wait_for_events(1)
    assert service.batches[0].key == "k-2"


def test_attribute_wins_over_the_address(visit, service, site):
    src = f"{service.origin}/cta.js?key=k-2&consent=off"
    site.pages["/"] = [
        f'<!doctype html><script async src="{src}" data-key="k-3" data-consent="granted"></script>'
        + LINK
    ]
    visit.page.goto(site.origin)
    assert service.wait_for_evaluations(1)[0].headers["x-api-key"] == "k-3"

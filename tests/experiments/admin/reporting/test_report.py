"""The report page: its first screen, the folded evidence, and experiments of unusual shapes."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.urls import reverse
from django.utils.text import slugify

from experiments.models import CTAWording, Experiment
from tests import factories
from tests.experiments.services.counted_experiments import count


def page_of(client, experiment, **query):
    url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


@time_machine.travel(factories.NOW, tick=False)
def test_first_screen_says_what_a_manager_asks(admin_client, running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    first, evidence = page_of(admin_client, running_experiment).split('class="cta-evidence"')
    for text in (
        "Ship “hero-test b”.", "7.0%, against 5.0%", "+40%", "+20 clicks per 1,000 visitors",
        "Proven", "(p &lt; 0.0001)", "Visitors split as configured",
        'class="cta-button cta-button-main"',
    ):  # fmt: skip
        assert text in first, text
    assert "+40.0%" in evidence


def test_verdict_stands_before_the_buttons_and_the_long_texts(admin_client, running_experiment):
    running_experiment.hypothesis = "A promise in the button is clicked more often."
    running_experiment.save()
    page = page_of(admin_client, running_experiment)
    main = page[page.index("<h1") :]
    verdict, buttons = main.index('id="first-title"'), main.index('class="cta-about"')
    assert verdict < buttons < main.index("A promise in the button")
    assert "cta-button" not in main[:verdict]
    assert "Settings and arms" in main[buttons:]


CONCLUDING = ("comparisons", "compare", "expected", "bayes", "segments")


def parts_of(page):
    """The folded parts of the evidence by their anchors."""
    parts = page.split('<div class="cta-stack" id="')[1:]
    return {part.split('"')[0]: part for part in parts}


@pytest.mark.parametrize(("visitors", "n_warned"), [(10_000, 0), (5_000, 1)])
def test_evidence_of_data_that_cannot_be_trusted_promises_nothing(
    admin_client, slot, visitors, n_warned
):
    experiment = factories.make_running_experiment(
        slot, plan=Experiment.Plan.FIXED, planned_visitors=8_000
    )
    for segment in ("", "device=mobile"):
        count(experiment, (10_000, 500), (visitors, 700), segment=segment)
    page = page_of(admin_client, experiment)
    parts = parts_of(page)
    for name in CONCLUDING:
        alarm = re.findall(r'<p class="cta-alarm">\s*The data cannot be trusted', parts[name])
        assert len(alarm) == n_warned, name
    assert ("is the best with a chance" in page) == (not n_warned)
    assert ("The highest lift is that of" in page) == (not n_warned)
    assert 'class="cta-alarm">\n  The data' not in parts["rates"]


@pytest.mark.parametrize(("visitors", "is_said"), [((400, 420), True), ((10_000, 10_000), False)])
@time_machine.travel(factories.NOW, tick=False)
def test_planned_end_is_spoken_of_only_while_days_are_left(
    admin_client, running_experiment, visitors, is_said
):
    running_experiment.planned_visitors = 5_000
    running_experiment.save()
    count(running_experiment, (visitors[0], 40), (visitors[1], 45))
    page = page_of(admin_client, running_experiment)
    assert ("a verdict may come before" in page) == is_said
    assert ("The experiment has enough visitors." in page) == (not is_said)


def test_methods_lead_to_headings_of_the_documentation(admin_client, slot):
    text = (settings.BASE_DIR / "docs/statistics.md").read_text(encoding="utf-8")
    headings = {slugify(line.lstrip("# ")) for line in text.splitlines() if line.startswith("#")}
    found = set()
    for plan in Experiment.Plan:
        experiment = factories.make_running_experiment(
            slot, plan.value, plan=plan, planned_visitors=8_000, status="stopped",
            stopped_at=factories.NOW,
        )  # fmt: skip
        for segment in ("", "device=mobile"):
            count(experiment, (10_000, 500), (10_000, 700), segment=segment)
        found |= set(re.findall(r'/docs/statistics/#([\w-]+)"', page_of(admin_client, experiment)))
    assert {"one-planned-look", "looking-at-any-time", "bayesian"} < found
    assert found <= headings


def test_principle_of_a_wording_leads_to_its_past_tests(admin_client, running_experiment):
    for variant, text in zip(running_experiment.variants.all(), ("Start", "Today"), strict=True):
        variant.cta.wordings.update(text=text, locale="en")
    site = running_experiment.slot.site_id
    page = page_of(admin_client, running_experiment)
    (link,) = set(re.findall(r'href="([^"]+principle=urgency)">Urgency</a>', page))
    assert link.endswith(f"?site__id__exact={site}&amp;principle=urgency")
    assert admin_client.get(link.replace("&amp;", "&")).status_code == 200


def test_interval_of_the_difference_is_told_from_that_of_the_gain(admin_client, running_experiment):
    note = "The difference has an interval of its own"
    assert note not in page_of(admin_client, running_experiment)
    count(running_experiment, (10_000, 500), (10_000, 700))
    assert note in parts_of(page_of(admin_client, running_experiment))["comparisons"]


def test_title_of_an_open_part_is_seen_once(admin_client, running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    parts = parts_of(page_of(admin_client, running_experiment))
    for name in ("comparisons", "compare", "expected", "health"):
        assert parts[name].count("<h2") == 1, name
        assert '<h2 class="cta-unseen">' in parts[name], name


def test_exact_figures_are_behind_the_rounded_ones(admin_client, running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 701))
    page = page_of(admin_client, running_experiment)
    assert '<span class="cta-wording-rate" title="7.010%">7.0%</span>' in page


def test_evidence_is_folded_and_every_link_of_its_contents_leads_somewhere(
    admin_client, running_experiment
):
    count(running_experiment, (4_000, 400), (4_000, 480))
    page = page_of(admin_client, running_experiment)
    links = re.findall(r'href="#([\w-]+)"', page.split('class="cta-contents"')[1].split("</ul>")[0])
    assert {"rates", "comparisons", "segments", "health"} <= set(links)
    assert [anchor for anchor in links if f'id="{anchor}"' not in page] == []
    assert page.count("<details") >= len(links)
    assert '<details class="cta-part" open>' not in page


def test_plan_of_a_draft_is_open(admin_client, draft):
    assert '<details class="cta-part" open>' in page_of(admin_client, draft)


@pytest.mark.parametrize("n_arms", [1, 20])
def test_page_holds_one_arm_and_twenty(admin_client, slot, n_arms):
    keys = [f"arm-{number}" for number in range(n_arms)]
    shares = dict.fromkeys(keys, str(round(1 / n_arms, 4)))
    experiment = factories.make_running_experiment(slot, "shape", shares=shares)
    count(experiment, *[(1_000, 50 + number) for number in range(n_arms)])
    page = page_of(admin_client, experiment)
    assert page.count('class="cta-wording-rate"') == n_arms


def test_page_holds_400_days_and_wordings_of_any_kind(admin_client, running_experiment):
    long, arabic = "Get your <b>free</b> quote & " * 10, "ابدأ الآن"
    arms = list(running_experiment.variants.order_by("arm"))
    for arm, text in zip(arms, (long[:300], arabic), strict=True):
        CTAWording.objects.filter(cta=arm.cta).update(text=text)
    running_experiment.started_at = factories.NOW - timedelta(days=400)
    running_experiment.save()
    for arm in arms:
        for day in range(400):
            at = (factories.NOW - timedelta(days=day + 1)).date()
            factories.make_rollup(arm, visitors=50, clicks=5 + arm.arm, day=at)
    page = page_of(admin_client, running_experiment)
    assert arabic in page
    assert "<b>free</b>" not in page

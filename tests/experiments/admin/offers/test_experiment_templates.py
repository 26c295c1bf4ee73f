import re

import pytest
from django.urls import reverse

from experiments.models import Experiment, ExperimentTemplate, Guardrail, TypedExperiment
from experiments.services.drafting.experiment_templates import save_as_template
from tests import factories
from tests.factories import NOW

WIZARD = reverse("admin:experiments_experiment_new")


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def page_of(experiment):
    return reverse("admin:experiments_experiment_template", args=[experiment.pk])


@pytest.fixture
def template(slot):
    experiment = factories.make_experiment(
        slot, "careful", primary_metric="conversion_rate", goal="signup", alpha=0.01,
        audience=factories.make_audience(slot.site),
    )  # fmt: skip
    Guardrail.objects.create(experiment=experiment, metric="conversion_rate", goal="order")
    # A goal of the site, which the wizard offers.
    factories.make_experiment(slot, "other", primary_metric="conversion_rate", goal="order")
    return save_as_template(experiment=experiment, name="Careful", now=NOW)


def test_report_leads_to_the_page_that_saves(admin_client, draft):
    report = reverse("admin:experiments_experiment_report", args=[draft.pk])
    assert page_of(draft) in text_of(admin_client.get(report))
    assert 'value="hero-test"' in text_of(admin_client.get(page_of(draft)))
    answer = admin_client.post(page_of(draft), {"name": "Usual"}, follow=True)
    assert "Template “Usual” saved." in text_of(answer)
    assert ExperimentTemplate.objects.get().site == draft.slot.site


def test_taken_name_is_told_beside_the_field(admin_client, draft):
    for _ in range(2):
        answer = admin_client.post(page_of(draft), {"name": "Usual"})
    assert "already exists" in text_of(answer)
    assert 'value="Usual"' in text_of(answer)
    assert ExperimentTemplate.objects.count() == 1


def test_viewer_saves_none(viewer_client, draft):
    report = reverse("admin:experiments_experiment_report", args=[draft.pk])
    assert page_of(draft) not in text_of(viewer_client.get(report))
    assert viewer_client.post(page_of(draft), {"name": "Usual"}).status_code == 403


def test_link_of_the_list_fills_the_wizard(admin_client, slot, template):
    listed = reverse("admin:experiments_experimenttemplate_changelist")
    link = f"{WIZARD}?template={template.pk}"
    assert f'href="{link}"' in text_of(admin_client.get(listed))
    page = text_of(admin_client.get(link))
    assert "From the template “Careful”:" in page
    assert 'value="existing" checked' in page
    assert 'value="conversion_rate" selected' in page
    assert 'name="goal" value="signup"' in page
    assert 'name="guarded" value="order" checked' in page


def test_wizard_takes_a_template_keeps_the_words_and_starts_with_it(admin_client, slot, template):
    sent = {"slot": slot.pk, "who": "everybody", "metric": "click_rate", "lift": "10"}
    sent |= {"condition_mode": "rows", "condition_match": "all", "wordings_en": "Start now"}
    used = admin_client.post(
        WIZARD, sent | {"action": "template", "template_choice": str(template.pk)}, follow=True
    )
    assert "Start now" in text_of(used)
    kept = TypedExperiment.objects.get(experiment=None).content
    fields = {name: texts[-1] for name, texts in kept.items() if texts}
    admin_client.post(WIZARD, fields | {"action": "keep"})
    made = Experiment.objects.latest("pk")
    assert (made.primary_metric, made.goal, made.alpha) == ("conversion_rate", "signup", 0.01)
    assert made.audience == template.audience
    assert made.guardrails.get().goal == "order"


def test_template_can_be_left_again(admin_client, slot, template):
    admin_client.get(WIZARD, {"template": template.pk})
    admin_client.post(WIZARD, {"slot": slot.pk, "template": template.pk, "action": "template"})
    assert "From the template" not in text_of(admin_client.get(WIZARD))


def test_template_that_is_gone_is_named(admin_client, slot, template):
    other = save_as_template(experiment=Experiment.objects.get(key="other"), name="Other", now=NOW)
    number = other.pk
    other.delete()
    sent = {"slot": slot.pk, "template": number, "who": "everybody", "metric": "click_rate"}
    sent |= {"lift": "10", "condition_mode": "rows", "condition_match": "all"}
    answer = admin_client.post(WIZARD, sent | {"wordings_en": "Start now", "action": "start"})
    assert "This template is not there any more: choose again." in text_of(answer)
    assert not Experiment.objects.filter(status="running").exists()


@pytest.mark.parametrize("number", ["nonsense", "9" * 30, "-1", ""])
def test_number_that_is_no_template_changes_nothing(admin_client, slot, template, number):
    page = text_of(admin_client.get(WIZARD, {"template": number}))
    assert "From the template" not in page


def test_templates_of_another_site_are_not_offered(client, slot, template):
    other = factories.make_slot(factories.make_site("other"), "theirs")
    client.force_login(factories.make_member(other.site, "marketer"))
    page = text_of(client.get(WIZARD, {"template": template.pk}))
    assert "Careful" not in page
    listed = reverse("admin:experiments_experimenttemplate_changelist")
    assert "Careful" not in text_of(client.get(listed))


def test_template_is_renamed_and_keeps_what_it_holds(admin_client, template):
    page = reverse("admin:experiments_experimenttemplate_change", args=[template.pk])
    shown = text_of(admin_client.get(page))
    assert "Must not lose: Conversion rate order" in shown
    before = template.content
    seen = re.search(r'name="([^"]*seen[^"]*)" value="([^"]*)"', shown)
    extra = {seen[1]: seen[2]} if seen else {}
    admin_client.post(page, {"name": "Sign-ups", **extra})
    template.refresh_from_db()
    assert (template.name, template.content) == ("Sign-ups", before)

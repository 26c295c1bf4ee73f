import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from experiments.models import Change, Decision, Experiment
from experiments.services.lifecycle.transitions import pause_experiment, stop_experiment
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

WINNER = {"outcome": "winner:b", "promotes": "on", "note": "Shorter.", "next_step": "nothing"}


@pytest.fixture
def won(running_experiment, time_machine):
    """The running test in which arm b does far better."""
    time_machine.move_to(NOW, tick=False)
    count(running_experiment, (1_000, 60), (1_000, 150))
    return running_experiment


def page_of(name, experiment):
    return reverse(f"admin:experiments_experiment_{name}", args=[experiment.pk])


def end(client, experiment, **content):
    """Post the page as the browser does that has just been shown it."""
    sent = {"expected_default": experiment.slot.default_cta_id, **WINNER, **content}
    return client.post(page_of("end", experiment), sent, follow=True)


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def default_of(experiment):
    experiment.slot.refresh_from_db()
    return experiment.slot.default_cta.name


def test_verdict_leads_to_its_decision_preselected(admin_client, won):
    report = text_of(admin_client.get(page_of("report", won)))
    link = f"{page_of('end', won)}?outcome=winner:b"
    assert f'href="{link}">Ship “hero-test b”</a>' in report
    page = text_of(admin_client.get(link))
    assert 'name="outcome" value="winner:b" checked' in page
    assert "suggested by the report" in page
    assert 'name="promotes" checked' in page


def test_page_without_a_choice_takes_the_suggestion(admin_client, won):
    page = text_of(admin_client.get(page_of("end", won)))
    assert page.count(" checked") == 3  # the outcome, the promotion, the next step
    assert 'value="winner:b" checked' in page


def test_end_stops_decides_and_shows_the_winner(admin_client, owner, won):
    page = text_of(end(admin_client, won))
    won.refresh_from_db()
    assert (won.status, default_of(won)) == ("stopped", "hero-test b")
    assert "Decision: “hero-test b” has won" in page
    assert "Shorter." in page
    assert "The report said then: ship the winner. “hero-test b”: lift +150.0%" in page
    assert (
        "“hero-test b” became the default CTA of the slot, in the place of “Default hero”" in page
    )
    assert "Ship “hero-test b”</a>" not in page
    assert Decision.objects.get().author == owner


def test_decision_is_in_list_and_history(admin_client, won):
    end(admin_client, won)
    changelist = reverse("admin:experiments_experiment_changelist")
    assert "“hero-test b” has won" in text_of(admin_client.get(changelist))
    history = text_of(admin_client.get(page_of("traffic", won)))
    assert "“hero-test b” has won<br>The report said then: ship the winner." in history
    assert "Shown to everybody" in history


def test_list_names_what_is_not_decided(admin_client, won):
    stop_experiment(experiment=won, now=NOW)
    changelist = reverse("admin:experiments_experiment_changelist")
    assert "Not decided yet" in text_of(admin_client.get(changelist))


def test_stopped_test_asks_for_its_decision(admin_client, won):
    stop_experiment(experiment=won, now=NOW)
    assert "What was decided?" in text_of(admin_client.get(page_of("report", won)))
    page = text_of(end(admin_client, won, outcome="inconclusive"))
    assert "Decision: Inconclusive" in page
    assert default_of(won) == "Default hero"


def test_paused_test_is_ended(admin_client, won):
    pause_experiment(experiment=won, now=NOW)
    end(admin_client, won)
    assert (Experiment.objects.get().status, default_of(won)) == ("stopped", "hero-test b")


def test_choice_is_needed_and_the_note_stays(admin_client, won):
    answer = end(admin_client, won, outcome="", note="Typed already.")
    assert "Choose a decision." in text_of(answer)
    assert "Typed already.</textarea>" in text_of(answer)
    assert Experiment.objects.get().status == "running"


@pytest.mark.parametrize("outcome", ["winner:nobody", "winner:control", "winner", "<b>"])
def test_unknown_choice_is_refused(admin_client, won, outcome):
    answer = end(admin_client, won, outcome=outcome)
    assert answer.status_code == 200
    assert Experiment.objects.get().status == "running"


def test_wordings_and_notes_are_escaped(admin_client, won):
    cta = won.variants.get(key="b").cta
    cta.wordings.update(text="<script>alert(1)</script>")
    page = text_of(end(admin_client, won, note="<script>alert(2)</script>"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(2)" in page


def test_default_changed_meanwhile_is_shown_and_confirmed(admin_client, won):
    seen = won.slot.default_cta_id
    won.slot.default_cta = factories.make_cta(won.slot.site, "Newer")
    won.slot.save()
    page = text_of(end(admin_client, won, expected_default=seen))
    assert "it is “Newer” now" in page
    assert "Shorter.</textarea>" in page
    assert f'name="expected_default" value="{won.slot.default_cta_id}"' in page
    assert Experiment.objects.get().status == "running"
    end(admin_client, won)
    assert default_of(won) == "hero-test b"


def test_second_click_says_so_and_changes_nothing(admin_client, won):
    end(admin_client, won)
    answer = end(admin_client, won, outcome="control")
    assert said(answer) == ["This test has its decision already."]
    assert Decision.objects.get().outcome == "winner"


def test_undo_restores_the_former_default(admin_client, won):
    page = text_of(end(admin_client, won))
    assert "Undo: show the former CTA" in page
    page = text_of(admin_client.post(page_of("undo_promotion", won), follow=True))
    assert "“Default hero” is shown to everybody again." in page
    assert "The promotion was undone on" in page
    assert "Undo: show the former CTA" not in page
    assert default_of(won) == "Default hero"


def test_undo_after_a_day_is_neither_offered_nor_done(admin_client, won, time_machine):
    end(admin_client, won)
    time_machine.move_to(NOW + timedelta(hours=25), tick=False)
    assert "Undo: show" not in text_of(admin_client.get(page_of("report", won)))
    page = text_of(admin_client.post(page_of("undo_promotion", won), follow=True))
    assert "More than 24 hours have passed" in page
    assert default_of(won) == "hero-test b"


def test_undo_keeps_what_somebody_chose_since(admin_client, won):
    end(admin_client, won)
    won.slot.default_cta = factories.make_cta(won.slot.site, "Newer")
    won.slot.save()
    page = text_of(admin_client.post(page_of("undo_promotion", won), follow=True))
    assert "“Newer” stays" in page
    assert default_of(won) == "Newer"


def test_follow_up_tests_the_runner_up_against_the_winner(admin_client, slot, time_machine):
    time_machine.move_to(NOW, tick=False)
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    experiment = factories.make_running_experiment(slot, shares=shares)
    count(experiment, (1_000, 60), (1_000, 150), (1_000, 120))
    page = text_of(end(admin_client, experiment, next_step="follow_up"))
    assert "Draft created: “hero-test c” against “hero-test b”." in page
    draft = Experiment.objects.get(status="draft")
    assert draft.name == "hero-test (follow-up)"
    arms = [(arm.arm, arm.key, arm.cta.name, str(arm.share)) for arm in draft.variants.all()]
    assert arms == [
        (0, "control", "hero-test b", "0.5000"),
        (1, "b", "hero-test c", "0.5000"),
    ]


def test_next_step_archives(admin_client, won):
    end(admin_client, won, next_step="archive")
    assert Experiment.objects.get().status == "archived"


def test_effect_follows_the_choice(admin_client, won):
    headers = {"HX-Request": "true"}
    url = page_of("end", won)
    chosen = {"outcome": "winner:b", "promotes": "on"}
    page = text_of(admin_client.get(url, chosen, headers=headers))
    assert page.count("hero-test b") == 1
    assert "<html" not in page
    page = text_of(admin_client.get(url, {"outcome": "winner:b"}, headers=headers))
    assert "The default CTA stays as it is." in page


def test_effect_warns_of_languages_and_of_other_tests(admin_client, won):
    won.slot.default_cta.wordings.create(locale="fr", text="Essayer")
    french = factories.make_audience(won.slot.site)
    factories.make_running_experiment(won.slot, "other-test", audience=french)
    page = text_of(admin_client.get(page_of("end", won)))
    assert "It has no wording in: fr." in page
    assert "Also live on this slot: “other-test”." in page


def test_draft_has_nothing_to_end(admin_client, draft):
    answer = admin_client.get(page_of("end", draft), follow=True)
    assert said(answer) == ["This test has not started: there is nothing to decide."]


def test_viewer_sees_the_decision_and_no_buttons(admin_client, viewer_client, won):
    report = text_of(viewer_client.get(page_of("report", won)))
    assert "End the test" not in report
    assert "Ship “hero-test b”</a>" not in report
    assert viewer_client.get(page_of("end", won)).status_code == 403
    assert end(viewer_client, won).status_code == 403
    end(admin_client, won)
    report = text_of(viewer_client.get(page_of("report", won)))
    assert "Decision: “hero-test b” has won" in report
    assert "Undo: show the former CTA" not in report
    assert viewer_client.post(page_of("undo_promotion", won)).status_code == 403


def test_marketer_of_another_site_finds_nothing(won, other_site):
    client = Client()
    client.force_login(factories.make_member(other_site, "marketer"))
    assert client.get(page_of("end", won)).status_code == 404
    assert end(client, won).status_code == 404


def test_history_of_a_decision_names_its_author(admin_client, owner, won):
    end(admin_client, won)
    assert Change.objects.get(kind="decide").author == owner


def test_end_is_written_in_french(admin_client, won):
    admin_client.cookies["django_language"] = "fr"
    page = text_of(admin_client.get(page_of("end", won)))
    assert "Terminer le test" in page
    assert "suggéré par le rapport" in page

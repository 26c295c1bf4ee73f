"""The wizard as a browser uses it: kept as typed, checked, started once."""

import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from experiments.models import CTA, Audience, Experiment, SnippetSighting, TypedExperiment
from ml import predict
from tests import factories
from tests.factories import NOW

PAGE = reverse("admin:experiments_experiment_new")


@pytest.fixture(autouse=True)
def at_now(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def bilingual(site):
    cta = factories.make_cta(site, "Sign up", wordings={"en": "Sign up", "fr": "S\u2019inscrire"})
    return factories.make_slot(site, default_cta=cta)


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def send(client, slot, action="start", **fields):
    sent = {"slot": slot.pk, "who": "everybody", "metric": "click_rate", "lift": "10"}
    sent |= {"condition_mode": "rows", "condition_match": "all", "action": action, **fields}
    return client.post(PAGE, {name: text for name, text in sent.items() if text is not None})


WORDS = {"wordings_en": "Start now\nTry it", "wordings_fr": "Commencer\nEssayer"}


def test_three_wordings_go_live_with_equal_shares_and_keys_of_their_own(admin_client, bilingual):
    answer = send(admin_client, bilingual, **WORDS)
    made = Experiment.objects.get()
    assert answer.url == reverse("admin:experiments_experiment_report", args=[made.pk])
    assert (made.status, made.started_at) == ("running", NOW)
    arms = list(made.variants.order_by("arm"))
    assert [arm.key for arm in arms] == ["control", "b", "c"]
    assert [str(arm.share) for arm in arms] == ["0.3334", "0.3333", "0.3333"]
    worded = {row.locale: row.text for row in arms[2].cta.wordings.all()}
    assert worded == {"en": "Try it", "fr": "Essayer"}
    assert arms[2].cta.background_color == bilingual.default_cta.background_color


def test_second_click_finds_the_experiment_of_the_first(admin_client, bilingual):
    admin_client.get(PAGE)
    typed = TypedExperiment.objects.get().pk
    answers = [send(admin_client, bilingual, typed=typed, **WORDS) for _ in range(2)]
    assert answers[0].url == answers[1].url
    assert Experiment.objects.count() == 1


def test_refused_start_keeps_everything_typed_and_makes_nothing(admin_client, bilingual):
    factories.make_running_experiment(bilingual, "older")
    before = CTA.objects.count()
    answer = send(admin_client, bilingual, name="Mine", **WORDS)
    page = text_of(answer)
    assert "“older” is live on the same slot and audience." in page
    assert "Nothing that you typed is lost." in page
    assert "Start now Try it</textarea>" in page
    assert 'value="Mine"' in page
    assert CTA.objects.count() == before
    assert Experiment.objects.count() == 1
    assert "Commencer Essayer</textarea>" in text_of(admin_client.get(PAGE))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"wordings_en": "\n".join(f"Go {n}" for n in range(300))}, "300 lines: a test has at"),
        ({"wordings_en": "<script>alert(1)</script>"}, "has HTML in it."),
        ({"wordings_en": "x" * 201}, "Longer than 200 characters"),
        ({"wordings_en": "Sign up"}, "“Sign up” is there twice."),
        ({"wordings_en": "", "wordings_fr": ""}, "Write at least one wording"),
        ({"wordings_en": "Start now\nTry it\nGo"}, "Wording 3 has no text in: French."),
        ({"lift": "0"}, "greater than or equal to 1"),
        ({"lift": "ten"}, "Enter a number."),
        ({"who": "existing"}, "Choose an audience."),
        ({"who": "new"}, "Give the audience a name."),
        ({"metric": "conversion_rate"}, "This metric needs a goal."),
        (
            {"starts_at": "2030-01-02T10:00", "ends_at": "2030-01-01T10:00"},
            "The planned end must come after the planned start.",
        ),
        ({"action": "schedule"}, "Choose when it starts."),
    ],
)
def test_fault_is_said_and_what_was_typed_stays(admin_client, bilingual, fields, said):
    answer = send(admin_client, bilingual, **{**WORDS, **fields})
    page = text_of(answer)
    assert said in page
    assert not Experiment.objects.exists()
    assert "<script>alert" not in page
    kept = TypedExperiment.objects.get().content
    assert all(kept[name] == [text] for name, text in fields.items() if name != "action")


def test_faults_below_name_their_field_and_are_why_there_is_no_plan(admin_client, bilingual):
    answer = send(admin_client, bilingual, lift="0", **WORDS)
    page = text_of(answer)
    assert "Smallest lift worth finding, in %: Ensure this value is greater" in page
    assert "First correct the points named in step 5." in page
    assert "How long it takes is said here once" not in page
    empty = text_of(send(admin_client, bilingual))
    assert "How long it takes is said here once" in empty
    assert "First correct the points" not in empty


def test_missing_translation_may_be_allowed(admin_client, bilingual):
    fields = {"wordings_en": "Start now", "wordings_fr": "", "allow_gaps": "on"}
    send(admin_client, bilingual, **fields)
    assert Experiment.objects.get().status == "running"


def test_what_is_typed_survives_a_lost_session(client, bilingual):
    person = factories.make_member(bilingual.site, "marketer")
    client.force_login(person)
    send(client, bilingual, "", **WORDS)
    client.logout()
    assert "/admin/login/" in send(client, bilingual, **WORDS).url
    client.force_login(person)
    assert "Start now Try it</textarea>" in text_of(client.get(PAGE))


def test_live_answer_draws_plans_and_checks(admin_client, bilingual):
    send(admin_client, bilingual, "", wordings_en="x")
    sent = {"slot": bilingual.pk, "who": "everybody", "metric": "click_rate", "lift": "10"}
    sent["shown"] = bilingual.pk
    answer = admin_client.post(PAGE, {**sent, **WORDS}, headers={"HX-Request": "true"})
    part = text_of(answer)
    assert "HX-Redirect" not in answer.headers
    assert 'id="wizard-drawn" hx-swap-oob="innerHTML"' in part
    assert ">Essayer</span>" in part
    assert "The snippet was never seen on this site" in part
    assert "Nothing is known of the present visitors and the rate of this slot" in part
    assert not Experiment.objects.exists()


def shown_by(page):
    """The slot that the page sends back as the one of which it was made."""
    return re.search(r'name="shown" value="(\d*)"', page).group(1)


def test_page_of_a_slot_is_not_loaded_again_while_somebody_types(admin_client, bilingual):
    shown = shown_by(text_of(admin_client.get(PAGE, {"slot": bilingual.pk})))
    sent = {"slot": bilingual.pk, "shown": shown}
    answer = admin_client.post(PAGE, sent, headers={"HX-Request": "true"})
    assert not {"HX-Redirect", "HX-Refresh"} & set(answer.headers)


def test_another_slot_than_that_of_the_address_renews_the_page(admin_client, bilingual):
    other = factories.make_slot(bilingual.site, "footer")
    shown = shown_by(text_of(admin_client.get(PAGE, {"slot": bilingual.pk})))
    sent = {"slot": other.pk, "shown": shown}
    answer = admin_client.post(PAGE, sent, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == PAGE
    assert shown_by(text_of(admin_client.get(PAGE))) == str(other.pk)


def test_plan_comes_from_the_traffic_of_the_slot(admin_client, bilingual):
    older = factories.make_running_experiment(bilingual, "older")
    for variant in older.variants.all():
        for days in range(1, 15):
            day = (NOW - timedelta(days=days)).date()
            factories.make_rollup(variant, visitors=500, clicks=50, day=day)
    Experiment.objects.filter(pk=older.pk).update(status="stopped", stopped_at=NOW)
    SnippetSighting.objects.create(
        site=bilingual.site, seen_at=NOW - timedelta(minutes=3), path="/a"
    )
    send(admin_client, bilingual, "", lift="20", **WORDS)
    page = text_of(admin_client.get(PAGE))
    assert "To find a lift of +20% the test needs" in page
    assert "At the 1,000 visitors a day of this slot" in page
    assert "Shorter or longer" in page
    assert "The snippet was seen 3" in page
    send(admin_client, bilingual, lift="20", **WORDS)
    made = Experiment.objects.exclude(pk=older.pk).get()
    assert made.planned_visitors == made.planned_visitors_basis["visitors"]
    assert made.planned_visitors_basis["target"] == pytest.approx(0.2)


def test_new_audience_is_built_in_place(admin_client, bilingual):
    rows = {"condition_attribute": "device", "condition_custom": "", "condition_operator": "is"}
    fields = {"who": "new", "audience_name": "Phones", **rows, "condition_value": "mobile"}
    send(admin_client, bilingual, **WORDS, **fields)
    audience = Audience.objects.get()
    assert (audience.key, audience.condition) == ("phones", {"device": "mobile"})
    assert Experiment.objects.get().audience == audience


def test_audience_that_matches_nobody_blocks(admin_client, bilingual):
    impossible = {"$and": [{"device": "mobile"}, {"device": "desktop"}]}
    nobody = factories.make_audience(bilingual.site, "nobody", impossible)
    answer = send(admin_client, bilingual, **WORDS, who="existing", audience=nobody.pk)
    assert "Its audience matches nobody" in text_of(answer)
    assert not Experiment.objects.exists()


def test_suggestion_becomes_an_arm(admin_client, bilingual):
    answer = send(admin_client, bilingual, "", **WORDS, add="en:Begin: today")
    assert answer.url == f"{PAGE}#what"
    assert TypedExperiment.objects.get().content["wordings_en"] == [
        "Start now\nTry it\nBegin: today"
    ]


def test_draft_can_be_planned_or_kept(admin_client, bilingual):
    start = (NOW + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    send(admin_client, bilingual, "schedule", **WORDS, starts_at=start)
    planned = Experiment.objects.get()
    assert planned.status == "draft"
    assert planned.starts_at is not None
    answer = send(admin_client, bilingual, "keep", **WORDS)
    assert [str(one) for one in get_messages(answer.wsgi_request)][-1].startswith("Draft created.")
    names = set(Experiment.objects.values_list("name", flat=True))
    assert len(names) == 2


def test_page_begins_with_the_only_slot_and_can_be_emptied(admin_client, bilingual):
    assert "S\u2019inscrire" in text_of(admin_client.get(PAGE))
    send(admin_client, bilingual, "", **WORDS)
    send(admin_client, bilingual, "discard", **WORDS)
    assert "Essayer" not in text_of(admin_client.get(PAGE))


def test_slot_of_another_site_is_not_taken(client, bilingual, other_site):
    client.force_login(factories.make_member(other_site, "marketer", "rival"))
    send(client, bilingual, **WORDS)
    assert not Experiment.objects.exists()
    assert "Sign up" not in text_of(client.get(f"{PAGE}?slot={bilingual.pk}"))


@pytest.fixture
def approving(bilingual):
    type(bilingual.site).objects.update(needs_approval=True)
    factories.make_member(bilingual.site, "marketer", "grace")
    factories.make_member(bilingual.site, "viewer", "vera")
    return bilingual


def test_site_with_approvals_offers_to_ask_and_names_who_can(admin_client, approving):
    page = text_of(admin_client.get(PAGE))
    assert 'value="ask"' in page
    assert 'value="start"' not in page
    assert 'value="schedule"' not in page
    assert "It can be approved by: grace </p>" in page


def test_asked_from_the_wizard_it_waits_with_its_note(admin_client, approving, owner, client):
    answer = send(admin_client, approving, "ask", approval_note="Before the sale", **WORDS)
    made = Experiment.objects.get()
    assert answer.url == reverse("admin:experiments_experiment_report", args=[made.pk])
    approval = made.approvals.get()
    assert (made.status, approval.state, approval.asked_by) == ("draft", "waiting", owner)
    assert approval.note == "Before the sale"
    client.force_login(approving.site.memberships.get(user__username="grace").user)
    page = text_of(client.get(reverse("admin:experiments_experiment_approval", args=[made.pk])))
    assert 'value="approve"' in page
    assert "Try it" in page


def test_note_of_a_refused_request_is_still_there(admin_client, approving):
    factories.make_running_experiment(approving, "older")
    page = text_of(send(admin_client, approving, "ask", approval_note="Before the sale", **WORDS))
    assert "“older” is live on the same slot and audience." in page
    assert 'value="Before the sale"' in page


def test_without_a_second_person_the_page_says_what_to_do(admin_client, bilingual):
    type(bilingual.site).objects.update(needs_approval=True)
    assert "gives a second person the role" in text_of(admin_client.get(PAGE))


def ask_predictor(client, slot, **fields):
    sent = {"slot": slot.pk, "wordings_en": "Start now", "part": "prediction", **fields}
    return text_of(client.post(PAGE, sent, headers={"HX-Request": "true"}))


def test_silent_predictor_is_asked_again_by_the_page(admin_client, slot, monkeypatch):
    monkeypatch.setattr(predict, "ask_scoring_service", lambda asked, **_: None)
    pages = [ask_predictor(admin_client, slot, unanswered=n) for n in ("", "1", "7", "8", "x")]
    pauses = [
        re.findall(r'"unanswered": (\d+)}\' hx-trigger="load delay:(\d+)s"', one) for one in pages
    ]
    assert pauses == [[("1", "4")], [("2", "8")], [("8", "60")], [], [("1", "4")]]
    assert "does not answer yet: this page asks it again" in pages[0]
    assert "the page “Rank wordings” waits for it" in pages[3]


def test_predictor_that_answers_is_not_asked_again(admin_client, slot, monkeypatch):
    refusal = {"code": "no_predictor", "params": {}}
    answer = {"predictor": None, "wordings": [], "refusal": refusal, "notes": []}
    monkeypatch.setattr(predict, "ask_scoring_service", lambda asked, **_: answer)
    # A wording of its own: answers are remembered.
    page = ask_predictor(admin_client, slot, wordings_en="Answered", unanswered="1")
    assert "no predictor is active" in page
    assert "hx-trigger" not in page


def new_audience(*row):
    names = ("attribute", "custom", "operator", "value")
    fields = {f"condition_{name}": text for name, text in zip(names, row, strict=True)}
    return {"who": "new", "condition_mode": "rows", "condition_match": "all", **fields}


def test_prediction_says_whom_it_is_for_while_an_audience_is_built(admin_client, slot, monkeypatch):
    asked = []

    def answer(request, **_):
        asked.append(request.context.audience)
        return {"predictor": None, "wordings": [], "refusal": None, "notes": []}

    monkeypatch.setattr(predict, "ask_scoring_service", answer)
    phones = new_audience("device", "", "is", "mobile")
    for_everybody = "For every visitor: past tests know nothing of a new audience"
    assert for_everybody in ask_predictor(admin_client, slot, wordings_en="New one", **phones)
    # The same visitors by another name: their past tests are known.
    audience = factories.make_audience(slot.site, "phones", condition={"device": "mobile"})
    page = ask_predictor(admin_client, slot, wordings_en="New two", **phones)
    assert for_everybody not in page
    half_typed = new_audience("device", "", "is", "")
    assert for_everybody in ask_predictor(admin_client, slot, wordings_en="New 3", **half_typed)
    assert for_everybody not in ask_predictor(admin_client, slot, wordings_en="New 4")
    assert asked == ["", audience.key, "", ""]


def test_wizard_asks_for_no_json(admin_client, slot):
    page = text_of(admin_client.get(f"{PAGE}?slot={slot.pk}"))
    assert 'name="condition_attribute"' in page
    assert "JSON" not in page


def test_condition_that_was_typed_as_json_is_kept(admin_client, slot):
    admin_client.get(f"{PAGE}?slot={slot.pk}")
    row = TypedExperiment.objects.get()
    typed = {"who": ["new"], "condition_mode": ["json"], "slot": [str(slot.pk)]}
    row.content = typed | {"condition_json": ['{"device": "mobile"}']}
    row.save()
    page = text_of(admin_client.get(PAGE))
    assert '<option value="device" selected>' in page
    row.content = typed | {"condition_json": ['{"$not": {"device": "mobile"}}']}
    row.save()
    page = text_of(admin_client.get(PAGE))
    assert "Lists cannot express this condition" in page
    assert "{&quot;$not&quot;: {&quot;device&quot;: &quot;mobile&quot;}}" in page


def test_page_that_asks_by_itself_keeps_what_was_typed_elsewhere(admin_client, slot, monkeypatch):
    monkeypatch.setattr(predict, "ask_scoring_service", lambda asked, **_: None)
    send(admin_client, slot, action="", wordings_en="Typed in another window")
    ask_predictor(admin_client, slot, wordings_en="Typed before")
    kept = TypedExperiment.objects.get().content
    assert kept["wordings_en"] == ["Typed in another window"]

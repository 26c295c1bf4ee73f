import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from experiments.admin.traffic import history_lines
from experiments.models import Change, Experiment, Site
from experiments.services.lifecycle.arm_rollback import roll_back_arms
from experiments.services.lifecycle.change_log import Occasion, record
from experiments.services.operations.auto_rollback import reason_by_hand, watch_experiments
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW


def traffic_url(experiment):
    return reverse("admin:experiments_experiment_traffic", args=[experiment.pk])


def page(client, experiment):
    return client.get(traffic_url(experiment)).content.decode()


def previews(client, experiment, url):
    """The page with links for a page of the site."""
    return client.post(traffic_url(experiment), {"page": url}).content.decode()


def post(client, experiment, form, **values):
    return client.post(traffic_url(experiment), {"form": form, **values})


def test_shares_are_changed_with_a_note(admin_client, running_experiment, owner):
    form = {"share_control": "30", "share_b": "70", "coverage": "80", "note": "b leads"}
    assert post(admin_client, running_experiment, "shares", **form).status_code == 302
    experiment = Experiment.objects.get()
    assert float(experiment.coverage) == 0.8
    assert [float(arm.share) for arm in experiment.variants.all()] == [0.3, 0.7]
    change = Change.objects.get()
    assert change.author == owner
    assert "b leads" in page(admin_client, running_experiment)


def test_wrong_shares_are_named_and_kept_in_the_form(admin_client, running_experiment):
    form = {"share_control": "30", "share_b": "60", "coverage": "100"}
    body = post(admin_client, running_experiment, "shares", **form).content.decode()
    assert "The shares add up to 90%" in body
    assert 'value="60"' in body
    assert not running_experiment.phases.exists()


def test_draft_gets_a_ramp_and_a_schedule(admin_client, draft):
    post(admin_client, draft, "ramp", steps="1, 10%, 100", hold_hours="6")
    assert [(step.coverage, step.hold_hours) for step in draft.ramp.all()] == [
        (Decimal("0.01"), 6),
        (Decimal("0.1"), 6),
        (Decimal(1), 6),
    ]
    later = timezone.now() + timedelta(days=400)
    post(admin_client, draft, "schedule", starts_at=f"{later:%Y-%m-%dT%H:%M}", ends_at="")
    assert Experiment.objects.get().starts_at.date() == later.date()


@pytest.mark.parametrize(
    ("form", "values", "text"),
    [
        ("ramp", {"steps": "10, 5", "hold_hours": "6"}, "more visitors than the one before"),
        ("ramp", {"steps": "ten", "hold_hours": "6"}, "Write percentages such as"),
        ("ramp", {"steps": "NaN", "hold_hours": "6"}, "Write percentages such as"),
        ("schedule", {"ends_at": "2020-01-01T00:00"}, "The end must come after the start"),
        ("schedule", {"ends_at": "soon"}, "Enter a valid date/time"),
    ],
)
def test_what_cannot_be_is_named(admin_client, draft, form, values, text):
    assert text in post(admin_client, draft, form, **values).content.decode()


def test_alarm_is_shown_and_undone(admin_client, running_experiment):
    for variant, visitors in zip(running_experiment.variants.all(), (5_000, 6_000), strict=True):
        factories.make_rollup(variant, visitors=visitors)
    watch_experiments(now=NOW)
    report = reverse("admin:experiments_experiment_report", args=[running_experiment.pk])
    for body in (page(admin_client, running_experiment), admin_client.get(report).content.decode()):
        assert "Rolled back on" in body
        assert "the visitors do not split as the shares say" in body
    step = reverse("admin:experiments_experiment_step", args=[running_experiment.pk, "resume"])
    admin_client.post(step)
    assert Experiment.objects.get().status == "running"
    body = page(admin_client, running_experiment)
    assert "Roll-back undone" in body
    assert "Rolled back on" not in body
    post(admin_client, running_experiment, "guard", rolls_back="on")
    assert Experiment.objects.get().rolls_back


def test_rolled_back_arm_is_shown_and_gets_its_share_back(admin_client, slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    experiment = factories.make_running_experiment(slot, shares=shares)
    reason = reason_by_hand("Broken form.")
    occasion = Occasion(now=NOW)
    roll_back_arms(experiment=experiment, reasons={"b": reason}, occasion=occasion)
    report = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    for body in (page(admin_client, experiment), admin_client.get(report).content.decode()):
        assert "Arm b was rolled back on" in body
        assert "Broken form." in body
    assert post(admin_client, experiment, "restore", arm="c").status_code == 200
    assert post(admin_client, experiment, "restore", arm="b").status_code == 302
    assert [float(arm.share) for arm in experiment.variants.all()] == [0.4, 0.3, 0.3]
    body = page(admin_client, experiment)
    assert "Roll-back of an arm undone" in body
    assert "Arm b was rolled back on" not in body


def test_share_of_zero_drops_an_arm(admin_client, running_experiment):
    form = {"share_control": "100", "share_b": "0", "coverage": "100"}
    assert post(admin_client, running_experiment, "shares", **form).status_code == 302
    assert [float(arm.share) for arm in running_experiment.variants.all()] == [1, 0]


def test_roll_back_by_hand_has_a_reason(admin_client, running_experiment):
    assert (
        "This field is required"
        in post(admin_client, running_experiment, "rollback").content.decode()
    )
    post(admin_client, running_experiment, "rollback", reason="Wrong <price>")
    assert Experiment.objects.get().status == "paused"
    assert "Wrong &lt;price&gt;" in page(admin_client, running_experiment)


def test_preview_links_of_a_draft_open_its_arms(admin_client, draft):
    body = previews(admin_client, draft, "https://shop.example/pricing")
    links = re.findall(r'href="(https://shop.example/pricing\?[^"]+)"', body)
    tokens = [parse_qs(urlsplit(link).query)["ctaopt_preview"][0] for link in links]
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    shown = [
        evaluate_slot(site, "hero", visitor="v", attributes={"preview": token}).variant
        for token in tokens
    ]
    assert shown == ["preview:control", "preview:b"]


NO_PAGES = ["javascript:alert(1)", "data:text/html,x", "shop", "/a b"]
# Browsers take these for the page of another host.
NO_PAGES += ["//evil.example/x", "/\\evil.example/x", "http:///evil.example", "https:/evil.example"]


@pytest.mark.parametrize("url", [*NO_PAGES, "http://[", "https://shop.example:x/"])
def test_links_lead_nowhere_but_to_a_page(admin_client, draft, url):
    body = previews(admin_client, draft, url)
    assert "ctaopt_preview" not in body
    assert "Write an address such as https://example.com/page, or a path such as /page." in body
    assert f'value="{url}"' in body


def test_without_a_page_links_open_that_of_the_slot(admin_client, draft):
    assert previews(admin_client, draft, " ").count('href="/?ctaopt_preview=') == 2


def test_address_alone_makes_no_links_to_another_host(admin_client, draft):
    """Else a link that somebody is sent would show links that hand a week's token away."""
    answer = admin_client.get(traffic_url(draft), {"page": "https://evil.example/x"})
    assert "evil.example" not in answer.content.decode()


def test_site_with_origins_has_no_other_pages(admin_client, draft):
    draft.slot.site.allowed_origins = ["https://shop.example"]
    draft.slot.site.save()
    assert "https://shop.example/a?" in previews(admin_client, draft, "https://shop.example/a")
    for page in ("https://evil.example/a", "https://shop.example@evil.example", "https//shop"):
        body = previews(admin_client, draft, page)
        assert "ctaopt_preview" not in body
        assert "Write a page of the site: a path such as /page, or an address on https://" in body
        assert f'value="{page}"' in body


def test_ended_experiment_shows_its_history_and_no_form(admin_client, slot):
    ended = factories.make_running_experiment(slot, status="stopped", stopped_at=NOW)
    assert 'name="form"' not in page(admin_client, ended)
    assert post(admin_client, ended, "ramp", steps="1", hold_hours="1").status_code == 403


def test_stranger_sees_nothing(client, stranger, running_experiment):
    client.force_login(stranger)
    assert client.get(traffic_url(running_experiment)).status_code == 302
    stranger.is_staff = True
    stranger.save()
    assert client.get(traffic_url(running_experiment)).status_code == 404
    assert post(client, running_experiment, "guard").status_code == 404


def test_bad_id_and_unknown_form(admin_client, running_experiment):
    url = reverse("admin:experiments_experiment_traffic", args=[9_999])
    assert admin_client.get(url).status_code == 404
    assert post(admin_client, running_experiment, "delete").status_code == 403


@pytest.fixture
def paris(slot):
    """The slot's site, in Europe/Paris: an hour from UTC in winter, two in summer."""
    Site.objects.filter(pk=slot.site_id).update(time_zone="Europe/Paris")


def test_schedule_is_read_and_shown_in_the_time_zone_of_the_site(admin_client, paris, draft):
    times = {"starts_at": "2031-01-15T09:00", "ends_at": "2031-07-15T09:00"}
    assert post(admin_client, draft, "schedule", **times).status_code == 302
    draft.refresh_from_db()
    assert draft.starts_at == datetime(2031, 1, 15, 8, 0, tzinfo=UTC)
    assert draft.ends_at == datetime(2031, 7, 15, 7, 0, tzinfo=UTC)
    shown = page(admin_client, draft)
    assert "Planned start (Europe/Paris)" in shown
    assert 'value="2031-01-15T09:00"' in shown
    assert timezone.get_current_timezone_name() == "UTC"


def test_start_that_is_over_is_told_beside_its_field(admin_client, draft):
    times = {"starts_at": "2020-01-15T09:00", "ends_at": ""}
    body = post(admin_client, draft, "schedule", **times).content.decode()
    assert "This moment is over: choose one that is to come." in body
    assert 'value="2020-01-15T09:00"' in body
    draft.refresh_from_db()
    assert draft.starts_at is None


def test_hour_that_the_clocks_skip_or_repeat_is_refused(admin_client, paris, draft):
    # 2031: forward on 30 March at 2:00, back on 26 October at 3:00.
    for time in ("2031-03-30T02:30", "2031-10-26T02:30"):
        body = post(admin_client, draft, "schedule", starts_at=time, ends_at="").content.decode()
        assert "it may be ambiguous or it may not exist" in body


def test_history_is_shown_in_the_time_zone_of_the_site(admin_client, paris, running_experiment):
    at = datetime(2031, 7, 1, 22, 30, tzinfo=UTC)
    Change.objects.create(experiment=running_experiment, kind=Change.Kind.START, at=at)
    assert "2 Jul 2031, 00:30" in page(admin_client, running_experiment)


@pytest.mark.parametrize("page", ["http://[", "https://[::1", "//[", "/%00[", "https://a]b/"])
def test_page_that_cannot_be_read_breaks_nothing(admin_client, running_experiment, page):
    answer = admin_client.post(traffic_url(running_experiment), {"page": page})
    assert answer.status_code == 200


def test_lines_of_a_deleted_account_are_not_the_service_s(admin_client, running_experiment):
    eve = factories.make_person("eve")
    record(running_experiment, Change.Kind.PAUSE, Occasion(now=NOW, author=eve))
    record(running_experiment, Change.Kind.RAMP, Occasion(now=NOW))
    eve.delete()
    names = {line.what: line.who for line in history_lines(running_experiment)}
    assert names == {"Paused": "deleted account", "Step of the ramp": "the service"}
    assert "<td>deleted account</td>" in page(admin_client, running_experiment)


def test_part_of_the_audience_has_no_idle_decimals(admin_client, running_experiment):
    assert "100% of the audience" in page(admin_client, running_experiment)

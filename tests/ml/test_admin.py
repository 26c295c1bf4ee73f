import re
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from ml.encoders.installed import MODEL, InstalledEncoder, write_about
from ml.models import PredictorVersion
from ml.presentation.messages import likeness_sentence

pytestmark = pytest.mark.django_db
LIST = "admin:ml_predictorversion_changelist"


@pytest.fixture
def owner(client):
    user = User.objects.create_superuser("owner")
    client.force_login(user)
    return user


@pytest.fixture
def two_versions(add_version):
    return [add_version() for _ in range(2)]


def act(client, action, *versions):
    data = {"action": action, "_selected_action": [version.pk for version in versions]}
    return client.post(reverse(LIST), data, follow=True)


def statuses():
    return list(PredictorVersion.objects.order_by("number").values_list("status", flat=True))


@pytest.fixture
def measured(two_versions):
    """Two versions, of which the first has an accuracy that is not certain."""
    figure = {"value": 0.7314, "low": 0.6541, "high": 0.8012}
    first = two_versions[0]
    first.manifest["metrics"]["tfidf"]["accuracy_all"] |= figure
    PredictorVersion.objects.filter(pk=first.pk).update(manifest=first.manifest)
    return two_versions


def test_versions_are_listed_with_their_main_figure(client, owner, measured):
    page = client.get(reverse(LIST)).content.decode()
    assert "TF-IDF ridge" in page
    assert "73.1% (65.4% to 80.1%)" in page


def test_list_of_versions_needs_few_queries(
    client, owner, add_version, django_assert_max_num_queries
):
    for _ in range(3):
        add_version()
    with django_assert_max_num_queries(10):
        client.get(reverse(LIST))


def test_page_of_a_version_shows_every_strategy_and_the_gate(client, owner, two_versions):
    url = reverse("admin:ml_predictorversion_change", args=[two_versions[0].pk])
    page = client.get(url).content.decode()
    assert "Frozen encoder + ridge" in page
    assert "refused" in page
    assert 'type="submit" name="_save"' not in page


def test_page_of_a_version_says_in_words_what_it_can_do(client, owner, two_versions):
    pages = [
        unescape(
            client.get(
                reverse("admin:ml_predictorversion_change", args=[version.pk])
            ).content.decode()
        )
        for version in two_versions
    ]
    figure = two_versions[0].manifest["metrics"]["tfidf"]["accuracy_all"]["value"]
    assert f"it names the better one in {100 * figure:.0f} of 100 cases" in pages[0]
    assert "It is the first one." in pages[0]
    assert "of 100 pairs, formerly in" in pages[1]
    # Accuracy by coverage, and reliability, each light and dark.
    pictures = re.findall(r'<img src="(/[^"]+wide[^"]*\.svg)"', pages[0])
    assert len(pictures) == 4
    for address in pictures:
        assert client.get(address).content.startswith(b"<svg")
    assert "Likelier wording won" in pages[0]


def test_rejected_version_has_a_page(client, owner, stored_predictor):
    manifest = stored_predictor[1].manifest
    version = PredictorVersion.objects.create(
        number=1, status="rejected", manifest=manifest, created_at="2026-11-22T10:00Z"
    )
    page = client.get(reverse("admin:ml_predictorversion_change", args=[version.pk]))
    assert "none passed the gate" in page.content.decode()


def test_earlier_version_is_put_back_into_use(client, owner, two_versions):
    page = act(client, "bring_back", two_versions[0]).content.decode()
    assert "Predictor 1 is in use again." in page
    assert statuses() == ["active", "retired"]


def test_only_one_retired_version_can_be_put_back(client, owner, two_versions):
    assert "Choose one version." in act(client, "bring_back", *two_versions).content.decode()
    page = act(client, "bring_back", two_versions[1]).content.decode()
    assert "Only a retired version can be put back into use." in page
    assert statuses() == ["retired", "active"]


def test_damaged_version_is_not_put_back(client, owner, two_versions, damage):
    damage(two_versions[0])
    assert "the file is damaged" in act(client, "bring_back", two_versions[0]).content.decode()
    assert statuses() == ["retired", "active"]


def test_predicting_can_be_stopped(client, owner, two_versions):
    assert (
        "No predictor is active now."
        in act(client, "stop_predicting", two_versions[1]).content.decode()
    )
    assert statuses() == ["retired", "retired"]
    assert (
        "No predictor was active."
        in act(client, "stop_predicting", two_versions[1]).content.decode()
    )


def test_nothing_can_be_added_changed_or_deleted(client, owner, two_versions):
    assert client.get(reverse("admin:ml_predictorversion_add")).status_code == 403
    one = [two_versions[0].pk]
    assert client.post(reverse("admin:ml_predictorversion_change", args=one)).status_code == 403
    assert client.post(reverse("admin:ml_predictorversion_delete", args=one)).status_code == 403


def test_someone_who_may_only_look_cannot_switch(client, two_versions):
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_predictorversion"))
    client.force_login(reader)
    act(client, "bring_back", two_versions[0])
    assert statuses() == ["retired", "active"]


def test_stranger_is_sent_to_the_log_in(client):
    assert client.get(reverse(LIST)).status_code == 302


def test_versions_are_listed_in_french(client, owner, measured):
    page = client.get(reverse(LIST), HTTP_ACCEPT_LANGUAGE="fr").content.decode()
    assert "73,1\u00a0% (65,4\u00a0% à 80,1\u00a0%)" in page
    assert re.search(r">\s*Retirée\s*<", page)


@pytest.mark.parametrize(
    ("distance", "sentence"),
    [(0.4, "hardly be told apart"), (1.9, "of a different kind")],
    ids=["near", "far"],
)
def test_page_shows_how_alike_the_source_tests_were(client, owner, add_version, distance, sentence):
    version = add_version()
    version.manifest["source"] = {
        "groups": 40,
        "arms": 120,
        "effective_arms": 61.4,
        "proxy_a_distance": distance,
        "mmd": 0.0123,
        "mmd_p_value": 0.005,
    }
    version.save()
    url = reverse("admin:ml_predictorversion_change", args=[version.pk])
    page = client.get(url).content.decode()
    assert "40 past contrasts of another site or audience" in page
    assert "worth 61 equally likely wordings of 120" in page
    assert f"Proxy A-distance {distance:.2f}" in page
    assert "maximum mean discrepancy 0.0123 (p = 0.005)" in page
    assert likeness_sentence(distance) in unescape(page)
    assert sentence in likeness_sentence(distance)


def test_page_says_that_no_source_was_used(client, owner, add_version):
    url = reverse("admin:ml_predictorversion_change", args=[add_version().pk])
    page = client.get(url).content.decode()
    assert re.search(r"Source tests.*?none", page, re.DOTALL | re.IGNORECASE)


def test_page_shows_folds_and_later_tests_side_by_side(client, owner, add_version):
    version = add_version()
    record = version.manifest
    later = {"value": 0.613, "low": 0.58, "high": 0.64}
    record["confirmation"] = {
        "rule": "later",
        "groups": 210,
        "since": "2026-05-01",
        "undated": 3,
        "metrics": {"tfidf": record["metrics"]["tfidf"] | {"accuracy_all": later}},
    }
    record["gate"] |= {"confirmed_by": "later", "best_on_folds": "frozen_head"}
    for verdict in record["gate"]["verdicts"]:
        verdict["confirming"] = verdict["comparisons"]
    version.save()
    url = reverse("admin:ml_predictorversion_change", args=[version.pk])
    page = unescape(client.get(url).content.decode())
    assert "On folds" in page
    assert "On later tests, which no choice had seen" in page
    assert "What is served also had to win on the 210 later tests" in page
    assert "3 tests without a date count as earlier ones." in page
    assert "“Frozen encoder + ridge (transfer learning)” was best." in page
    assert "61.3% (58.0% to 64.0%)" in page


def test_page_of_a_version_from_before_later_tests_still_opens(client, owner, add_version):
    version = add_version()
    del version.manifest["confirmation"]
    for name in ("confirmed_by", "best_on_folds"):
        del version.manifest["gate"][name]
    for verdict in version.manifest["gate"]["verdicts"]:
        del verdict["confirming"], verdict["on_folds"]
    version.save()
    url = reverse("admin:ml_predictorversion_change", args=[version.pk])
    assert client.get(url).status_code == 200


def test_page_of_a_version_shows_the_encoders_that_were_compared(client, owner, add_version):
    version = add_version()
    metrics = version.manifest["metrics"]["tfidf"]
    version.manifest["encoders"] = [
        {"name": "small", "metrics": metrics, "chosen": False},
        {"name": "large", "metrics": metrics, "chosen": True},
    ]
    version.save()
    page = client.get(reverse("admin:ml_predictorversion_change", args=[version.pk]))
    figure = f"{100 * metrics['accuracy_all']['value']:.1f}%"
    shown = unescape(page.content.decode())
    assert f"small: {figure}" in shown
    assert f"large (chosen): {figure}" in shown


def install(settings, **changes):
    """Put an encoder beside the packaged one, without its weights."""
    about = InstalledEncoder(
        **{
            "key": "mpnet",
            "title": "all-mpnet-base-v2",
            "source": "packages",
            "licence": "Apache-2.0",
            "languages": ("en",),
            "size": 438_700_000,
            "fingerprint": "f" * 64,
        }
        | changes
    )
    (settings.CTAOPT_ENCODER_DIR / about.key / MODEL).mkdir(parents=True)
    write_about(settings.CTAOPT_ENCODER_DIR / about.key, about)


def test_page_of_encoders_names_what_each_costs_and_how_to_install_it(
    client, owner, model_dir, settings
):
    settings.CTAOPT_ENCODER = ""
    page = unescape(client.get(reverse("admin:ml_encoders")).content.decode())
    here, absent = page.split("To install", 1)
    assert "all-MiniLM-L6-v2" in here
    assert "92\N{NO-BREAK SPACE}MB" in here
    assert "remove_encoder" not in here
    assert "python manage.py install_encoder mpnet" in absent
    # 405 MB of packages, 439 MB once they are unpacked; 38 languages, two of them by name.
    assert "405\N{NO-BREAK SPACE}MB" in absent
    assert "439\N{NO-BREAK SPACE}MB" in absent
    assert "English, French, 36 more" in absent


def test_page_of_encoders_shows_which_predictor_needs_one(client, owner, active, settings):
    fingerprint = active.manifest["configuration"]["encoder"]["fingerprint"]
    install(settings, fingerprint=fingerprint)
    install(settings, key="own", title="Own", languages=(), licence="")
    page = unescape(client.get(reverse("admin:ml_encoders")).content.decode())
    assert f"Predictor {active.number}" in page
    # The active predictor needs it, so that it cannot be removed.
    assert "remove_encoder mpnet" not in page
    assert "install_encoder mpnet" not in page
    assert "remove_encoder own" in page
    assert "not stated" in page


def test_page_of_encoders_names_the_configured_one(client, owner, model_dir, settings):
    settings.CTAOPT_ENCODER = "mpnet"
    page = unescape(client.get(reverse("admin:ml_encoders")).content.decode())
    assert "The setting CTAOPT_ENCODER names “mpnet”" in page


def test_page_of_encoders_is_for_those_who_may_see_predictors(client, model_dir):
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(reverse("admin:ml_encoders")).status_code == 403


def test_page_of_encoders_is_in_french(client, owner, model_dir, settings):
    settings.CTAOPT_ENCODER = ""
    page = client.get(reverse("admin:ml_encoders"), headers={"accept-language": "fr"})
    text = unescape(page.content.decode())
    assert "Encodeurs" in text
    assert "405\N{NO-BREAK SPACE}Mo" in text
    assert "Anglais, Français, 36 autres" in text

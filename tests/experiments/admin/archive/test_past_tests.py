import io
import re

import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from experiments.models import PastTest
from experiments.services.archive.meaning import keep_meaning_index
from ml import predict
from tests.factories import NOW

URL = reverse("admin:experiments_pasttest_changelist")


def page_of(name):
    return reverse("admin:experiments_pasttest_change", args=[PastTest.objects.get(name=name).pk])


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def test_list_names_verdict_lift_and_place_and_nothing_of_another_site(archive, viewer_client):
    page = text_of(viewer_client.get(URL))
    for shown in (
        "Winner",
        "+150.0%",
        "Hero",
        "Footer",
        "Wordings differ",
        "Plus que 3 places",
    ):
        assert shown in page
    assert "secret" not in page


def test_list_groups_the_digits_of_visitors(archive, viewer_client):
    PastTest.objects.filter(name="won").update(visitors=28_452)
    page = text_of(viewer_client.get(URL))
    assert "28,452" in page
    assert "28452" not in page


def test_empty_archive_says_how_it_fills(site, viewer_client):
    page = text_of(viewer_client.get(URL))
    assert "Finish an experiment or import past tests." in page


def test_imported_test_has_a_page_with_every_wording(archive, viewer_client):
    page = text_of(viewer_client.get(page_of("newsletter")))
    for shown in ("Réserver ma place", "Plus que 3 places", "4.00", "9.00", "Scarcity"):
        assert shown in page
    assert "An imported test has no control, so there is no lift." in page


def test_own_test_leads_to_its_report(archive, viewer_client):
    experiment = PastTest.objects.get(name="won").experiment
    report = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    assert f'href="{report}"' in text_of(viewer_client.get(page_of("won")))


def test_page_of_another_site_is_not_found(archive, viewer_client):
    assert viewer_client.get(page_of("secret")).status_code == 404


def test_nobody_writes_a_past_test(archive, admin_client):
    assert admin_client.post(page_of("won"), {"name": "x"}).status_code == 403
    assert PastTest.objects.filter(name="x").count() == 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_of_the_list_is_below_100_kb_and_asks_a_fixed_number_of_queries(
    admin_client, site, language, django_assert_max_num_queries
):
    PastTest.objects.bulk_create(
        PastTest(
            site=site,
            source="import",
            name=f"Newsletter of week {n}, wordings of the button",
            verdict="different",
            best="Télécharger gratuitement mon guide",
            digest=str(n),
            kept_at=NOW,
        )
        for n in range(300)
    )
    with django_assert_max_num_queries(20):
        page = admin_client.get(URL, headers={"accept-language": language}).content
    assert page.count(b"data-row") == 25
    assert len(page) < 100_000


def test_wordings_are_shown_as_text(archive, admin_client):
    test = PastTest.objects.get(name="newsletter")
    test.arms[0]["text"] = "<script>alert(1)</script>"
    test.save()
    page = admin_client.get(page_of("newsletter")).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def rows_of(answer):
    return [test.name for test in answer.context["cl"].result_list]


def test_search_puts_the_nearest_in_meaning_first_and_says_so(
    archive, viewer_client, meaning_service
):
    keep_meaning_index()
    answer = viewer_client.get(URL, {"q": "ma place"})
    assert rows_of(answer)[0] == "newsletter"
    assert "nearest in meaning come first" in text_of(answer)
    assert "“Réserver ma place” (" in text_of(answer)
    assert "secret" not in rows_of(viewer_client.get(URL, {"q": "secret"}))


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ([], "Nothing like this was tested: no wording is near in meaning"),
        ([{"text": "Réserver ma place", "nearness": "loose"}], "(loosely related)"),
        ([{"text": "Réserver ma place", "nearness": "close"}], "“Réserver ma place” (close)"),
        ([{"text": "Réserver ma place", "nearness": "very_close"}], "(very close)"),
    ],
    ids=["nothing", "loose", "close", "very_close"],
)
def test_search_says_how_near_what_it_found_is(archive, viewer_client, monkeypatch, found, shown):
    pk = PastTest.objects.get(name="newsletter").pk
    answer = [{"test": pk, "likeness": 0.5} | one for one in found]
    monkeypatch.setattr(predict, "ask_by_meaning", lambda _: answer)
    page = viewer_client.get(URL, {"q": "xyzzyqq"})
    assert shown in text_of(page)
    assert rows_of(page) == ["newsletter"] * len(found)


def test_search_says_where_only_the_words_are_found(archive, viewer_client, monkeypatch):
    monkeypatch.setattr(predict, "ask_by_meaning", lambda _: [])
    page = text_of(viewer_client.get(URL, {"q": "ma place"}))
    assert "Nothing like this was tested; the tests below only have the words." in page
    assert "has the words" in page


def test_search_by_meaning_keeps_filters_and_a_chosen_order(archive, admin_client, meaning_service):
    keep_meaning_index()
    found = rows_of(admin_client.get(URL, {"q": "secret", "source__exact": "experiment"}))
    assert found[0] == "secret"
    assert "newsletter" not in found
    # The first column is the name.
    ordered = rows_of(admin_client.get(URL, {"q": "place", "o": "1"}))
    assert ordered == sorted(ordered)


def test_search_without_the_service_finds_words_and_says_so(archive, viewer_client):
    answer = viewer_client.get(URL, {"q": "PLACE plus"})
    assert rows_of(answer) == ["newsletter"]
    assert "the search by meaning does not answer" in text_of(answer)
    assert "does not answer" not in text_of(viewer_client.get(URL))


def test_box_that_completes_names_asks_no_service(archive, admin_client, monkeypatch):
    monkeypatch.setattr(predict, "ask_by_meaning", lambda _: pytest.fail("it is asked"))
    field = {"app_label": "experiments", "model_name": "learning", "field_name": "tests"}
    answer = admin_client.get(reverse("admin:autocomplete"), {"term": "newsl"} | field)
    assert [one["text"] for one in answer.json()["results"]] == ["newsletter"]


def test_results_of_ones_sites_are_a_parquet_file(archive, viewer_client):
    url = reverse("admin:experiments_pasttest_results")
    assert f'href="{url}"' in text_of(viewer_client.get(URL))
    answer = viewer_client.get(url)
    assert "past-tests.parquet" in answer.headers["Content-Disposition"]
    names = set(pq.read_table(io.BytesIO(answer.content))["name"].to_pylist())
    assert names == {"won", "undecided", "newsletter"}
    assert viewer_client.post(url).status_code == 403

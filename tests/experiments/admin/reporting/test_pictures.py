import re

import pytest
from django.core.cache import cache
from django.urls import reverse

from experiments.services.documents.drawn.picture import Picture
from experiments.templatetags.pictures import drawn
from tests import factories
from tests.experiments.services.counted_experiments import count


@pytest.fixture
def counted(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 480))
    return running_experiment


def page_of(client, experiment):
    url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    return client.get(url).content.decode()


def test_every_picture_of_the_page_is_there_in_every_look(admin_client, counted):
    addresses = set(re.findall(r'(?:src|srcset)="([^"]+\.svg)"', page_of(admin_client, counted)))
    pictures = {address for address in addresses if "/pictures/" in address}
    assert len(pictures) >= 3 * 4
    for address in pictures:
        response = admin_client.get(address)
        assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
        assert response["Cache-Control"] == "private, max-age=31536000, immutable"


def test_picture_that_is_no_longer_kept_is_drawn_anew(admin_client, counted):
    url = reverse(
        "admin:experiments_experiment_picture_svg", args=[counted.pk, "lifts", "0" * 24, "wide"]
    )
    response = admin_client.get(url)
    assert response.content.startswith(b"<svg")
    assert response["Cache-Control"] == "no-store"


def test_picture_without_anything_to_show_is_gone(admin_client, draft):
    args = [draft.pk, "lifts", "0" * 24, "wide"]
    svg = admin_client.get(reverse("admin:experiments_experiment_picture_svg", args=args))
    assert svg.status_code == 410
    numbers = reverse("admin:experiments_experiment_picture", args=[draft.pk, "lifts"])
    report = reverse("admin:experiments_experiment_report", args=[draft.pk])
    assert admin_client.get(numbers).headers["Location"] == report


def test_unknown_look_is_not_found(admin_client, counted):
    args = [counted.pk, "lifts", "0" * 24, "huge"]
    url = reverse("admin:experiments_experiment_picture_svg", args=args)
    assert admin_client.get(url).status_code == 404


def test_numbers_of_a_picture_are_a_table(admin_client, counted):
    url = reverse("admin:experiments_experiment_picture", args=[counted.pk, "lifts"])
    page = admin_client.get(url).content.decode()
    assert '<td class="cta-wrap-cell">hero-test b</td>' in page
    assert '<td class="cta-wrap-cell">+20.0%</td>' in page


def test_pictures_have_words_for_those_who_do_not_see_them(admin_client, counted):
    page = page_of(admin_client, counted)
    alts = re.findall(r'<img src="[^"]+" alt="([^"]*)"', page)
    assert all(alts)
    assert any("The highest lift is that of “hero-test b”: +20%" in alt for alt in alts)


def test_picture_of_another_site_is_not_found(client, counted, other_site):
    client.force_login(factories.make_member(other_site, "viewer"))
    url = reverse("admin:experiments_experiment_picture", args=[counted.pk, "lifts"])
    assert client.get(url).status_code == 404


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()
    yield
    cache.clear()


def test_picture_of_another_page_is_kept_by_its_hash(admin_client, client, django_user_model):
    picture = Picture(
        name="tests", kind="tallies", title="Tests", words="Two.", columns=(),
        rows=[{"step": "a", "series": "b", "value": 2, "text": "2"}], options={"title": ""},
    )  # fmt: skip
    shown = drawn(picture)["shown"]
    response = admin_client.get(shown["narrow_dark"])
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    huge = shown["wide"].replace("wide", "huge")
    assert admin_client.get(huge).status_code == 404
    unknown = shown["wide"].replace(picture.digest, "0" * 24)
    assert admin_client.get(unknown).status_code == 410
    client.force_login(django_user_model.objects.create_user("stranger", is_staff=True))
    assert client.get(shown["wide"]).status_code == 404

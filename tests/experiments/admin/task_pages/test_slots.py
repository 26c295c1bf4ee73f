"""The page of a slot: what stands there is chosen among the site's CTAs, or written down."""

import re

import pytest
from django.urls import reverse

from experiments.admin.task_pages.slots import MOST_CTAS
from experiments.models import CTA, Edit, Slot
from tests import factories
from tests.experiments.admin.task_pages.test_page import compose, fields_of, page_of, text_of


def place(site, **changes):
    return {"site": site.pk, "name": "Top", "position": "popup", **changes}


def choices(answer):
    return re.findall(r"<option\s+value=\"\d+\"[^>]*>([^<]+)<", answer.content.decode())


def test_slot_is_made_of_a_name_and_the_words_that_stand_there(admin_client, site):
    site.default_locale, site.brand_background_color = "fr", "#7c2d12"
    site.save()
    answer = admin_client.post(compose("slot"), place(site, new_words="  Essayez   vite "))
    slot = Slot.objects.get()
    assert answer.url == page_of(slot)
    cta = slot.default_cta
    assert [(row.locale, row.text) for row in cta.wordings.all()] == [("fr", "Essayez vite")]
    assert (cta.name, cta.background_color, cta.site) == ("Essayez vite", "#7c2d12", site)
    assert set(Edit.objects.values_list("kind", flat=True)) == {"cta", "slot"}


def test_words_that_are_refused_make_nothing(admin_client, site):
    shown = admin_client.post(compose("slot"), place(site, new_words="<b>Go</b>", position="none"))
    assert shown.status_code == 200
    assert (CTA.objects.count(), Slot.objects.count()) == (0, 0)


def test_new_words_have_the_look_of_the_present_default(admin_client, slot):
    CTA.objects.update(form="link", destination="/go", icon="→")
    page = admin_client.get(page_of(slot))
    admin_client.post(page_of(slot), fields_of(page) | {"new_words": "Begin"})
    slot.refresh_from_db()
    cta = slot.default_cta
    assert (cta.name, cta.form, cta.destination, cta.icon) == ("Begin", "link", "/go", "→")
    # The former one is still there for whoever tests it.
    assert CTA.objects.count() == 2


def test_ctas_of_the_chosen_site_are_offered(admin_client, site, other_site):
    factories.make_cta(site, "Of the shop")
    factories.make_cta(other_site, "Of the rival")
    page = admin_client.get(compose("slot"))
    assert "Of the shop" not in choices(page)
    chosen = admin_client.get(compose("slot"), {"part": "default_cta", "site": other_site.pk})
    assert choices(chosen) == ["Of the rival"]
    assert choices(admin_client.get(compose("slot"), {"site": site.pk}))[-1] == "Of the shop"


def test_long_list_of_ctas_is_searched(admin_client, site):
    for number in range(MOST_CTAS + 1):
        factories.make_cta(site, f"Words {number:02}")
    page = admin_client.get(compose("slot"))
    assert 'name="find"' in text_of(page)
    assert f"Words {MOST_CTAS}" not in choices(page)
    query = {"part": "default_cta", "site": site.pk, "find": f"words {MOST_CTAS}"}
    assert choices(admin_client.get(compose("slot"), query)) == [f"Words {MOST_CTAS}"]
    # One that the list has not shown is as good as one that it has.
    last = CTA.objects.get(name=f"Words {MOST_CTAS}")
    assert admin_client.post(compose("slot"), place(site, default_cta=last.pk)).status_code == 302
    assert Slot.objects.get().default_cta == last
    assert f"Words {MOST_CTAS}" in choices(admin_client.get(page_of(Slot.objects.get())))


def test_cta_of_another_site_is_refused(admin_client, site, other_site):
    foreign = factories.make_cta(other_site)
    shown = admin_client.post(compose("slot"), place(site, default_cta=foreign.pk))
    assert "This CTA belongs to another site." in text_of(shown)
    assert not Slot.objects.exists()


def test_page_names_its_tests_and_its_code(admin_client, running_experiment):
    page = text_of(admin_client.get(page_of(running_experiment.slot)))
    report = reverse("admin:experiments_experiment_report", args=[running_experiment.pk])
    assert page.count(f'href="{report}"') == 2
    assert "data-cta-slot=&quot;hero&quot;" in page
    # Its key is in pages: it stays.
    assert 'name="key"' not in page


def test_fault_beside_new_words_loses_neither_the_words_nor_the_page(admin_client, slot):
    sent = fields_of(admin_client.get(page_of(slot)))
    sent |= {"default_cta": "", "new_words": "Begin", "name": ""}
    shown = admin_client.post(page_of(slot), sent)
    assert shown.status_code == 200
    form = shown.context["adminform"].form
    assert form["new_words"].value() == "Begin"
    assert set(form.errors) == {"name"}
    # What the page says of the slot is what is stored.
    assert f">{slot.default_cta.name}</a>" in text_of(shown)
    assert CTA.objects.count() == 1


def test_new_words_with_nothing_chosen_have_the_look_of_the_site(admin_client, slot):
    slot.site.brand_background_color = "#7c2d12"
    slot.site.save()
    page = admin_client.get(page_of(slot))
    assert "in the look of what is chosen above, else in the brand colours" in text_of(page)
    sent = fields_of(page) | {"default_cta": "", "new_words": "Begin"}
    assert admin_client.post(page_of(slot), sent).status_code == 302
    slot.refresh_from_db()
    assert (slot.default_cta.name, slot.default_cta.background_color) == ("Begin", "#7c2d12")


@pytest.mark.parametrize(
    ("look", "fault"),
    [
        ({"icon": "go"}, "Write one sign or emoji"),
        ({"background_color": "#ffffff", "text_color": "#fefefe"}, "contrast"),
    ],
)
def test_look_that_the_rules_refuse_is_said_beside_the_new_words(admin_client, slot, look, fault):
    CTA.objects.update(**look)
    sent = fields_of(admin_client.get(page_of(slot))) | {"new_words": "Begin"}
    shown = admin_client.post(page_of(slot), sent)
    assert shown.status_code == 200
    assert fault in " ".join(shown.context["adminform"].form.errors["new_words"])
    assert CTA.objects.count() == 1


def test_new_words_under_a_live_test_say_what_it_goes_on_comparing(
    admin_client, running_experiment
):
    url = page_of(running_experiment.slot)
    sent = fields_of(admin_client.get(url)) | {"new_words": "Begin"}
    page = text_of(admin_client.post(url, sent, follow=True))
    assert f"Live on this slot: “{running_experiment.name}”." in page


def test_ctas_can_be_searched_before_a_site_is_chosen(admin_client, site, other_site):
    assert 'name="find"' in text_of(admin_client.get(compose("slot")))


@pytest.mark.parametrize(("count", "is_cut"), [(20, False), (21, True)])
def test_all_tests_are_behind_a_link_where_the_page_cuts_them(admin_client, slot, count, is_cut):
    audience = factories.make_audience(slot.site)
    for number in range(count):
        factories.make_experiment(slot, key=f"t{number}", audience=audience)
    for row in (slot, audience):
        name = row._meta.model_name
        listed = reverse("admin:experiments_experiment_changelist") + f"?{name}__id__exact={row.pk}"
        assert (f'href="{listed}"' in text_of(admin_client.get(page_of(row)))) == is_cut
        assert admin_client.get(listed).context["cl"].result_count == count

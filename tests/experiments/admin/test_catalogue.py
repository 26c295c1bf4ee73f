import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from experiments.models import CTA, ConfigRevision, Event, Namespace, ServerKey, Site, Slot
from experiments.services.catalogue.cta_content import cta_values
from tests import factories


def cta_form(site, **changes):
    values = {
        "site": site.pk,
        "name": "Download",
        "form": "button",
        "destination": "/download",
        "background_color": "#112233",
        "text_color": "#ffffff",
        "size": "large",
        "icon": "",
        "principles": ["urgency", "reward"],
        "wordings-TOTAL_FORMS": "1",
        "wordings-INITIAL_FORMS": "0",
        "wordings-0-locale": "fr",
        "wordings-0-text": "Télécharger",
    }
    return values | changes


def test_cta_is_saved_with_its_wordings_and_principles(admin_client, site):
    admin_client.post(reverse("admin:experiments_cta_add"), cta_form(site))
    cta = CTA.objects.get(name="Download")
    assert cta.principles == ["urgency", "reward"]
    assert cta.wordings.get().text == "Télécharger"


@pytest.mark.parametrize("tag", ["x", "a\0b", "9" * 30, "9" * 5_000, "1.5", "-1"])
def test_tag_that_is_no_row_is_refused(admin_client, site, tag):
    answer = admin_client.post(reverse("admin:experiments_cta_add"), cta_form(site, tags=[tag]))
    assert answer.status_code == 200
    assert set(answer.context["adminform"].form.errors) == {"tags"}
    assert not CTA.objects.exists()


def test_made_up_number_of_rows_is_not_built(admin_client, site):
    form = cta_form(site, **{"wordings-TOTAL_FORMS": "2147483648"})
    answer = admin_client.post(reverse("admin:experiments_cta_add"), form)
    (wordings,) = answer.context["inline_admin_formsets"]
    assert wordings.formset.total_form_count() == 200


def checks_of(client, cta):
    """What the page of a CTA says of its words, look and place."""
    page = client.get(reverse("admin:experiments_cta_change", args=[cta.pk]))
    return page.content.decode()


def test_cta_page_says_what_was_checked(admin_client, site):
    cta = factories.make_cta(
        site, wordings={"fr": "Télécharger"}, text_color="#999999", background_color="#ffffff"
    )
    factories.make_slot(site, default_cta=cta, position="footer")
    page = checks_of(admin_client, cta)
    assert "infinitive: “télécharger”" in page
    assert "2.84 to 1, but 4.5 are needed" in page
    assert "few visitors get there" in page


def test_spoken_cta_has_no_contrast_to_check(admin_client, site):
    cta = factories.make_cta(site, form="spoken", destination="")
    page = checks_of(admin_client, cta)
    assert "what was checked" in page.lower()
    assert "WCAG" not in page


def test_link_is_checked_against_the_page_behind_it(admin_client, site):
    cta = factories.make_cta(site, form="link", background_color="#ffff00", text_color="#000000")
    page = checks_of(admin_client, cta)
    assert "1.07 to 1" in page
    assert "The page decides how large it is" in page


def test_cta_is_drawn_as_it_looks(admin_client, site):
    admin_client.post(reverse("admin:experiments_cta_add"), cta_form(site))
    page = admin_client.get(reverse("admin:experiments_cta_changelist")).content.decode()
    assert "background:#112233;color:#ffffff" in page
    assert "Télécharger" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"background_color": "red"}, "Write a colour as #rrggbb."),
        ({"text_color": "#777777"}, "the contrast of the two colours is 3.6 to 1"),
        ({"destination": "javascript:alert(1)"}, "Write an address (https://..."),
        ({"wordings-0-locale": "Français"}, "Write a language tag such as fr or fr-CA."),
        ({"wordings-0-text": "", "wordings-0-locale": ""}, "This field is required."),
    ],
    ids=["colour", "contrast", "destination", "locale", "wording"],
)
def test_cta_form_names_the_fault(admin_client, site, changes, message):
    response = admin_client.post(reverse("admin:experiments_cta_add"), cta_form(site, **changes))
    assert message in response.content.decode()
    assert not CTA.objects.filter(name="Download").exists()


def test_cta_may_leave_its_destination_to_the_page(admin_client, site):
    admin_client.post(reverse("admin:experiments_cta_add"), cta_form(site, destination=""))
    cta = CTA.objects.get(name="Download")
    assert {value["href"] for value in cta_values(cta).values()} == {""}


def test_cta_saved_in_the_admin_reaches_the_serving_processes(admin_client, site):
    admin_client.post(reverse("admin:experiments_cta_add"), cta_form(site))
    assert ConfigRevision.objects.get().number == 1


def test_cta_of_a_live_experiment_is_locked(admin_client, running_experiment):
    cta = running_experiment.variants.get(arm=0).cta
    url = reverse("admin:experiments_cta_change", args=[cta.pk])
    assert "Locked: shown in the test <a href=" in admin_client.get(url).content.decode()
    assert admin_client.post(url, cta_form(cta.site)).status_code == 403


def test_ctas_are_filtered_by_principle(admin_client, site):
    factories.make_cta(site, "Hurry", principles=["urgency"])
    factories.make_cta(site, "Calm", principles=[])
    url = reverse("admin:experiments_cta_changelist") + "?principle=urgency"
    page = admin_client.get(url).content.decode()
    assert "Hurry" in page
    assert "Calm" not in page


def test_slot_refuses_a_default_cta_of_another_site(admin_client, site, other_site):
    cta = factories.make_cta(other_site)
    data = {"site": site.pk, "key": "x", "name": "X", "position": "footer", "default_cta": cta.pk}
    response = admin_client.post(reverse("admin:experiments_slot_add"), data)
    assert "This CTA belongs to another site." in response.content.decode()


@pytest.mark.parametrize(
    "name",
    [
        "site",
        "serverkey",
        "tag",
        "cta",
        "audience",
        "slot",
        "namespace",
        "experiment",
        "historyarm",
    ],
)
def test_list_page_costs_a_fixed_number_of_queries(
    admin_client, running_experiment, name, django_assert_max_num_queries
):
    with django_assert_max_num_queries(15):
        response = admin_client.get(reverse(f"admin:experiments_{name}_changelist"))
    assert response.status_code == 200


def test_audience_and_namespace_are_locked_while_an_experiment_is_live(admin_client, slot):
    audience = factories.make_audience(slot.site)
    namespace = Namespace.objects.create(site=slot.site, key="all", seed="all")
    part = {"namespace_start": "0", "namespace_end": "0.5"}
    factories.make_running_experiment(slot, audience=audience, namespace=namespace, **part)
    for row in (audience, namespace):
        url = reverse(f"admin:experiments_{row._meta.model_name}_change", args=[row.pk])
        assert admin_client.get(url).status_code == 200
        assert admin_client.post(url, {}).status_code == 403


def test_audience_of_a_draft_may_change(admin_client, slot):
    audience = factories.make_audience(slot.site)
    factories.make_experiment(slot, audience=audience)
    url = reverse("admin:experiments_audience_change", args=[audience.pk])
    data = {"site": slot.site.pk, "key": "french", "name": "Francophones", "condition": "{}"}
    assert admin_client.post(url, data).status_code == 302


def test_form_of_a_slot_lists_none_of_the_other_ctas(admin_client, slot):
    factories.make_cta(slot.site, "Another wording")
    url = reverse("admin:experiments_slot_change", args=[slot.pk])
    page = admin_client.get(url).content.decode()
    assert str(slot.default_cta) in page
    assert "Another wording" not in page


@pytest.mark.parametrize("name", ["experiment_new", "experiment_aa", "job_rank"])
def test_choice_of_a_slot_reads_the_slots_only(admin_client, slot, name):
    def queries(numbers):
        for number in numbers:
            cta = factories.make_cta(slot.site, f"Of {number}")
            key = f"s-{number}"
            Slot.objects.create(site=slot.site, key=key, name=key, default_cta=cta)
        with CaptureQueriesContext(connection) as found:
            assert key in admin_client.get(url).content.decode()
        return len(found)

    url = reverse(f"admin:experiments_{name}")
    queries([1])  # What the first request reads once.
    assert queries([2]) == queries(range(3, 9))


def test_slot_keeps_its_key_once_it_has_an_experiment(admin_client, draft):
    url = reverse("admin:experiments_slot_change", args=[draft.slot.pk])
    data = {"key": "other", "name": "Hero", "position": "footer"}
    admin_client.post(url, data | {"default_cta": draft.slot.default_cta_id})
    draft.slot.refresh_from_db()
    assert (draft.slot.key, draft.slot.position) == ("hero", "footer")


def selected_for_deletion(admin_client, model, *rows):
    data = {"action": "delete_selected", "_selected_action": [row.pk for row in rows]}
    return admin_client.post(reverse(f"admin:experiments_{model}_changelist"), data)


@pytest.mark.parametrize("n_exposures", [5, 50])
def test_rows_with_events_are_kept_without_reading_these(
    admin_client, running_experiment, n_exposures
):
    site, arm = running_experiment.slot.site, running_experiment.variants.first()
    for number in range(n_exposures):
        factories.make_event(arm, visitor=f"v-{number}")
    for model, row, reason in [
        ("site", site, "has experiments or events"),
        ("experiment", running_experiment, "is no draft"),
    ]:
        with CaptureQueriesContext(connection) as queries:
            page = selected_for_deletion(admin_client, model, row).content.decode()
        assert reason in page
        read = [
            query["sql"] for query in queries if f'FROM "{Event._meta.db_table}"' in query["sql"]
        ]
        assert all("LIMIT 1" in sql for sql in read)
        confirmed = reverse(f"admin:experiments_{model}_delete", args=[row.pk])
        admin_client.post(confirmed, {"post": "yes"})
        assert type(row).objects.filter(pk=row.pk).exists()


def test_site_and_draft_that_nobody_used_can_be_deleted(admin_client, draft, other_site):
    for model, row in [("site", other_site), ("experiment", draft)]:
        page = selected_for_deletion(admin_client, model, row).content.decode()
        assert "Are you sure" in page
        admin_client.post(
            reverse(f"admin:experiments_{model}_delete", args=[row.pk]), {"post": "yes"}
        )
        assert not type(row).objects.filter(pk=row.pk).exists()


def test_deleted_server_key_stops_working_at_once(admin_client, site):
    factories.make_server_key(site)
    url = reverse("admin:experiments_serverkey_delete", args=[ServerKey.objects.get().pk])
    admin_client.post(url, {"post": "yes"})
    assert not ServerKey.objects.exists()
    assert ConfigRevision.objects.get().number == 1


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "every visitor is measured from the first view"),
        ("fr", "chaque visiteur est mesuré dès la première page vue"),
    ],
)
def test_code_for_the_page_says_that_it_measures_from_the_start(
    admin_client, slot, language, sentence
):
    url = f"/admin/experiments/slot/{slot.pk}/change/"
    page = admin_client.get(url, headers={"Accept-Language": language}).content.decode()
    code = page.index("data-cta-slot=&quot;")
    assert 0 < page.index(sentence) - code < 2_000
    assert "data-consent=&quot;off&quot;" in page


@pytest.mark.parametrize("model", ["site", "cta", "slot", "audience"])
def test_form_links_its_style_sheet_once(admin_client, site, model):
    page = admin_client.get(reverse(f"admin:experiments_{model}_add")).content.decode()
    assert page.count("experiments/pages.css") == 1


@pytest.mark.parametrize(("is_live", "is_told"), [(True, True), (False, False)])
def test_new_default_names_the_live_tests_that_keep_their_control(
    admin_client, slot, is_live, is_told
):
    if is_live:
        factories.make_running_experiment(slot)
    other = factories.make_cta(slot.site, "Other")
    form = {"name": slot.name, "position": slot.position, "default_cta": other.pk}
    form |= {"site": slot.site_id, "key": slot.key}
    url = reverse("admin:experiments_slot_change", args=[slot.pk])
    page = admin_client.post(url, form, follow=True).content.decode()
    slot.refresh_from_db()
    assert slot.default_cta == other
    assert ("Live on this slot: “hero-test”." in page) is is_told


def test_new_cta_begins_with_the_brand_colours_of_the_only_site(admin_client, site):
    Site.objects.update(brand_background_color="#7c2d12", brand_text_color="#fff7ed")
    form = admin_client.get(reverse("admin:experiments_cta_add")).context["adminform"].form
    look = [form[name].value() for name in ("background_color", "text_color")]
    assert look == ["#7c2d12", "#fff7ed"]
    factories.make_site("second")
    form = admin_client.get(reverse("admin:experiments_cta_add")).context["adminform"].form
    assert form["background_color"].value() == "#1d4ed8"


def test_copies_are_made_in_the_list_and_stand_on_top(admin_client, site):
    one, other = factories.make_cta(site, "Go"), factories.make_cta(site, "Try it")
    url = reverse("admin:experiments_cta_changelist")
    sent = {"action": "duplicate", "_selected_action": [one.pk, other.pk]}
    page = admin_client.post(url, sent, follow=True)
    names = [cta.name for cta in page.context["cl"].queryset]
    assert names == ["Try it (copy)", "Go (copy)", "Try it", "Go"]
    said = [str(one) for one in page.context["messages"]]
    copy = CTA.objects.get(name="Go (copy)")
    assert f"/admin/experiments/cta/{copy.pk}/change/" in said[0]

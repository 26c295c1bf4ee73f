import pytest
from django.urls import reverse

from experiments.models import HistoryArm
from tests.ml.factories import arm_row

COLUMNS = ("test", "context", "text", "visitors", "clicks", "audience", "locale")


@pytest.fixture
def past_tests(site):
    """Free things beat others in French, and lose in English."""
    rows = [
        arm_row(f"{locale}{number}", text, 5_000, clicks, locale=locale)
        for number in range(20)
        for locale, text, clicks in [
            ("fr", f"Recevoir le cadeau n° {number}", 400),
            ("fr", f"Recevoir la lettre n° {number}", 250),
            ("en", f"Get gift {number}", 250),
            ("en", f"Get letter {number}", 400),
        ]
    ]
    HistoryArm.objects.bulk_create(
        HistoryArm(site=site, digest=str(at), **{name: getattr(row, name) for name in COLUMNS})
        for at, row in enumerate(rows)
    )


def row_of(page, name):
    """The table row of a principle."""
    return page.split(f"<strong>{name}</strong>")[1].split("</tr>")[0]


@pytest.mark.parametrize(("locale", "sign"), [("fr", "+"), ("en", "\u2212")])
def test_principles_page_shows_what_was_measured_in_a_language(
    admin_client, past_tests, locale, sign
):
    url = reverse("admin:experiments_historyarm_principles")
    page = admin_client.get(url, {"locale": locale}).content.decode()
    reward = row_of(page, "Reward")
    assert '<td class="cta-number">20</td>' in reward
    assert f'<td class="cta-number">{sign}' in reward
    assert "No past test has wordings" in row_of(page, "Question")


def test_principles_page_without_history_says_what_to_do(admin_client, site):
    page = admin_client.get(reverse("admin:experiments_historyarm_principles"))
    assert "Import past tests or finish experiments." in page.content.decode()


def test_principles_page_is_closed_to_strangers(client, stranger):
    url = reverse("admin:experiments_historyarm_principles")
    assert client.get(url).status_code == 302
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert client.get(url).status_code == 403


def add_past_wordings(site, how_many):
    HistoryArm.objects.bulk_create(
        HistoryArm(
            site=site,
            digest=str(at),
            test=f"test-{at // 3}",
            text=f"Recevoir le cadeau numéro {at}",
            locale="fr",
            audience=f"audience-{at % 3}",
            visitors=10_000,
            clicks=500,
        )
        for at in range(how_many)
    )


@pytest.mark.parametrize("language", ["en", "fr"])
def test_list_of_past_wordings_is_below_100_kb_however_many_there_are(admin_client, site, language):
    add_past_wordings(site, 300)
    url = reverse("admin:experiments_historyarm_changelist")
    page = admin_client.get(url, headers={"accept-language": language}).content
    assert page.count(b"data-row") == 25
    assert len(page) < 100_000


def test_cells_of_a_list_keep_their_names_links_and_ticks(admin_client, site):
    add_past_wordings(site, 1)
    arm = HistoryArm.objects.get()
    page = admin_client.get(reverse("admin:experiments_historyarm_changelist")).content.decode()
    url = reverse("admin:experiments_historyarm_change", args=[arm.pk])
    assert f'<a href="{url}" class="cta-cell-link" >{arm.text}</a>' in page
    assert f'name="_selected_action" value="{arm.pk}" class="cta-tick action-select"' in page
    assert '<td class="field-rate cta-cell" data-label="Click rate">5.00%</td>' in page

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from experiments.admin.importing import pages
from experiments.models import CTA, HistoryArm, Job, Upload
from tests import factories
from tests.factories import NOW

TESTS = "Test;Libellé;Visiteurs;Clics\nt1;Découvrir;12 000;600\nt1;Voir;11 900;12 000\n"


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    """A folder of uploads of the test's own."""
    settings.CTAOPT_UPLOAD_DIR = tmp_path / "uploads"
    return settings.CTAOPT_UPLOAD_DIR


def post(client, page, *args, **values):
    """Follow where it leads, and return the page."""
    url = reverse(f"admin:experiments_upload_{page}", args=args)
    return client.post(url, values, follow=True)


def uploaded(client, site, content, page="past_tests", **values):
    file = SimpleUploadedFile("tests.csv", content.encode("cp1252"))
    pk = getattr(site, "pk", site)
    options = {"site": pk, "format": "ctaopt", "form": "button", "destination": "/go"}
    return post(client, page, **(options | {"file": file} | values))


def shown(client, upload, language="en"):
    url = reverse("admin:experiments_upload_show", args=[upload.pk])
    return client.get(url, headers={"accept-language": language}).content.decode()


def test_past_tests_are_previewed_confirmed_and_undone(admin_client, site, upload_folder):
    page = uploaded(admin_client, site, TESTS).content.decode()
    upload = Upload.objects.get()
    for said in (
        "Encoding: cp1252, the likeliest",
        "Separator of columns: semicolon",
        "Visitors: 12,000",
        "Lines refused: 1",
        "Line 3: Clics “12000 &gt; 11900” are more than the visitors",
        '<option value="text" selected>wording</option>',
        "<td>Découvrir</td>",
        "Import 1 rows",
    ):
        assert said in page
    assert not HistoryArm.objects.exists()
    page = post(admin_client, "confirm", upload.pk).content.decode()
    assert "New wordings: 1" in page
    assert HistoryArm.objects.get().text == "Découvrir"
    assert list(upload_folder.iterdir()) == []
    page = post(admin_client, "undo", upload.pk).content.decode()
    assert "Deleted: 1; as before: 0." in page
    assert not HistoryArm.objects.exists()


def test_preview_is_in_french(admin_client, site):
    uploaded(admin_client, site, TESTS)
    page = shown(admin_client, Upload.objects.get(), "fr")
    for said in (
        "Encodage\u00a0: cp1252, le plus probable",
        "Séparateur de milliers\u00a0: espace",
        "Lignes refusées\u00a0: 1",
        "dépasse le nombre de visiteurs",
    ):
        assert said in page


def test_columns_are_changed(admin_client, site):
    page = uploaded(admin_client, site, "campagne;phrase;vus;clics\nc;Go;100;9\n").content.decode()
    assert "Choose the column of: test" in page
    upload = Upload.objects.get()
    chosen = {"column-0": "test", "column-1": "text", "column-2": "visitors", "column-3": "clicks"}
    page = post(admin_client, "columns", upload.pk, **chosen).content.decode()
    assert "Import 1 rows" in page
    post(admin_client, "confirm", upload.pk)
    assert HistoryArm.objects.get().visitors == 100


def test_wrong_encoding_is_given_up_with_a_word(admin_client, site):
    uploaded(admin_client, site, TESTS)
    upload = Upload.objects.get()
    chosen = {
        f"column-{at}": role for at, role in enumerate(("test", "text", "visitors", "clicks"))
    }
    page = post(admin_client, "columns", upload.pk, encoding="utf-16", **chosen).content.decode()
    assert "could not be read with that encoding" in page
    assert "<td>Découvrir</td>" in page


def test_nothing_is_stored_without_a_good_row(admin_client, site):
    uploaded(admin_client, site, "test;text;visitors;clicks\nt;Go;1;2\n")
    page = post(admin_client, "confirm", Upload.objects.get().pk).content.decode()
    assert "Nothing can be imported" in page
    assert Upload.objects.get().status == "waiting"


def test_file_is_dropped_without_an_import(admin_client, site, upload_folder):
    uploaded(admin_client, site, TESTS)
    post(admin_client, "undo", Upload.objects.get().pk)
    assert not Upload.objects.exists()
    assert list(upload_folder.iterdir()) == []


def test_long_file_is_the_worker_s(
    admin_client, site, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(pages, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(pages, "no_worker_runs", lambda **_: True)
    page = uploaded(admin_client, site, "test;text;visitors;clicks\nt;Go;9;2\nt;Try;9;3\n")
    assert "the worker imports it" in page.content.decode()
    assert "No worker is running" in page.content.decode()
    upload = Upload.objects.get()
    confirm = reverse("admin:experiments_upload_confirm", args=[upload.pk])
    admin_client.post(confirm)
    waiting = shown(admin_client, upload)
    assert 'http-equiv="refresh"' in waiting
    assert "No worker is running" in waiting
    with django_capture_on_commit_callbacks(execute=True):
        Job.objects.update(status="queued")
        pages.tasks.do_job.delay(Job.objects.get().pk)
    assert "New wordings: 2" in shown(admin_client, upload)
    watch = reverse("admin:experiments_job_watch", args=[Job.objects.get().pk])
    assert reverse("admin:experiments_upload_show", args=[upload.pk]) in (
        admin_client.get(watch).content.decode()
    )


def test_wordings_are_pasted(admin_client, site):
    values = {"site": site.pk, "form": "button", "destination": "/go", "text": "Go\nTry it"}
    post(admin_client, "wordings", **values)
    page = post(admin_client, "confirm", Upload.objects.get().pk).content.decode()
    assert "New CTAs: 2" in page
    assert sorted(CTA.objects.values_list("name", flat=True)) == ["Go", "Try it"]


def test_wrong_line_of_wordings_is_named_and_nothing_can_be_confirmed(admin_client, site):
    page = uploaded(admin_client, site, "name;en\nA;Go\nB;\n", "wordings").content.decode()
    assert "Line 3: has no wording" in page
    assert "Nothing is stored until all lines are right." in page
    assert "Import 1 rows" not in page


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file": ""}, "Choose a file."),
        ({"file": SimpleUploadedFile("e.csv", b"")}, "The submitted file is empty."),
    ],
    ids=["no file", "empty"],
)
def test_fault_of_the_form_is_named(admin_client, site, values, message):
    page = uploaded(admin_client, site, TESTS, **values).content.decode()
    assert message in page
    assert not Upload.objects.exists()


def test_unknown_site_is_refused(admin_client, site):
    assert "Select a valid choice." in uploaded(admin_client, 999, TESTS).content.decode()


def test_large_file_is_refused_in_a_sentence(admin_client, site, settings, upload_folder):
    settings.CTAOPT_MAX_UPLOAD_BYTES = 300_000
    page = uploaded(admin_client, site, "x" * 250_000).content.decode()
    assert "The file is larger than 195.3" in page
    assert not upload_folder.exists()
    form = admin_client.get(reverse("admin:experiments_upload_past_tests")).content.decode()
    assert 'data-most-bytes="200000"' in form


@pytest.mark.parametrize(("role", "kind"), [("analyst", "wordings"), ("viewer", "past_tests")])
def test_import_needs_its_role(site, role, kind):
    client = Client()
    client.force_login(factories.make_member(site, role))
    url = reverse(f"admin:experiments_upload_{kind}")
    assert client.get(url).status_code == 403
    assert client.post(url, {"site": site.pk, "text": "Go"}).status_code == 403


def test_analyst_sees_no_upload_of_wordings(site):
    upload = Upload.objects.create(site=site, kind="wordings", name="t.csv", size=1, created_at=NOW)
    client = Client()
    client.force_login(factories.make_member(site, "analyst"))
    url = reverse("admin:experiments_upload_show", args=[upload.pk])
    assert client.get(url).status_code == 404


def test_only_sites_of_one_s_role_are_offered(site, other_site):
    client = Client()
    client.force_login(factories.make_member(site, "analyst"))
    page = client.get(reverse("admin:experiments_upload_past_tests")).content.decode()
    assert site.name in page
    assert other_site.name not in page
    assert not post(client, "past_tests", site=other_site.pk, format="ctaopt").redirect_chain


def test_pages_that_ask_for_past_tests_lead_there(admin_client, site):
    url = reverse("admin:experiments_upload_past_tests")
    for page in (
        "admin:experiments_job_rank",
        "admin:experiments_historyarm_principles",
        "admin:experiments_historyarm_changelist",
        "admin:experiments_upload_changelist",
    ):
        assert f'href="{url}"' in admin_client.get(reverse(page)).content.decode()


def test_import_and_its_reason_stand_in_the_history_of_the_site(admin_client, site, owner):
    page = uploaded(admin_client, site, TESTS).content.decode()
    assert 'name="_why"' in page
    upload = Upload.objects.get()
    page = post(admin_client, "confirm", upload.pk, _why="<Old> tool").content.decode()
    history = reverse("admin:experiments_site_history", args=[site.pk])
    assert f'href="{history}"' in page
    own = reverse("admin:experiments_upload_history", args=[upload.pk])
    for url in (history, own):
        page = admin_client.get(url).content.decode()
        for said in ("Imported · Past tests · tests.csv", "&lt;Old&gt; tool", "New wordings"):
            assert said in page


def test_history_of_a_site_is_read_by_programs(admin_client, client, site, server_key):
    uploaded(admin_client, site, TESTS)
    post(admin_client, "confirm", Upload.objects.get().pk, _why="Old tool")
    url = f"/api/v1/sites/{site.key}/history/"
    [line] = client.get(url, headers={"X-API-Key": server_key}).json()["results"]
    assert (line["kind"], line["way"], line["note"]) == ("upload", "import", "Old tool")
    assert line["author"] == "owner"
    assert ["", "created", None, "1"] in line["changes"]


def test_history_of_another_site_is_not_there(client, site, other_server_key):
    url = f"/api/v1/sites/{site.key}/history/"
    assert client.get(url, headers={"X-API-Key": other_server_key}).status_code == 404

import pytest

from experiments.models import CTA, Tag, Upload
from experiments.selectors import serving
from experiments.services.importing.imports import (
    CannotImportError,
    confirm_upload,
    run_import,
    undo_upload,
)
from experiments.services.importing.uploads import path_of
from experiments.services.importing.wording_list import pasted_table, preview_wordings
from tests import factories
from tests.factories import NOW

LIST = (
    "Nom;fr;English;Forme;Lien;Étiquettes\n"
    "Héros;Découvrir;Discover;bouton;/go;printemps, héros\n"
    "Pied;Participer;;lien;/signup;\n"
)


def preview_of(upload):
    return preview_wordings(path_of(upload), upload.options, site=upload.site)


def do(upload):
    assert confirm_upload(upload=upload)
    run_import(upload=upload, progress=lambda _: None)
    return upload.result


@pytest.fixture
def listed(uploaded):
    """Upload a list of wordings."""

    def _listed(content, **options):
        defaults = {"form": "button", "destination": "/default"}
        return uploaded(content, kind="wordings", **(defaults | options))

    return _listed


def test_languages_are_columns(listed, site):
    upload = listed(LIST)
    assert preview_of(upload).facts == [
        ("New CTAs", "2"),
        ("CTAs to update", "0"),
        ("Wordings", "3"),
    ]
    do(upload)
    hero, foot = CTA.objects.get(name="Héros"), CTA.objects.get(name="Pied")
    assert dict(hero.wordings.values_list("locale", "text")) == {
        "fr": "Découvrir",
        "en": "Discover",
    }
    assert (foot.form, foot.destination) == ("link", "/signup")
    assert sorted(tag.name for tag in hero.tags.all()) == ["héros", "printemps"]


def test_lines_of_one_language_are_pasted(listed):
    text = pasted_table("Commander\nOui, je veux\n\n=1+1", locale="fr")
    do(listed(text))
    found = CTA.objects.order_by("pk").values_list("name", "wordings__locale", "destination")
    assert list(found) == [
        ("Commander", "fr", "/default"),
        ("Oui, je veux", "fr", "/default"),
        ("=1+1", "fr", "/default"),
    ]


def test_pasted_table_keeps_its_columns():
    assert pasted_table("name\tfr\nA\tOui", locale="en") == "name\tfr\nA\tOui"


def test_one_wrong_line_keeps_everything_out(listed):
    upload = listed(
        "name,en,destination,form\n"
        "A,Go,/go,button\nA,Go on,/go,button\nB,,/go,button\n"
        "C,Run,nowhere to go,button\nD,Fly,/go,balloon\nE,Swim\n"
    )
    preview = preview_of(upload)
    assert not preview.may_be_imported
    found = [(remark.line, remark.text) for remark in preview.remarks]
    assert found[0] == (3, "“A” stands on line 2 already.")
    assert found[1] == (4, "has no wording")
    assert found[2][0] == 5
    assert found[2][1].startswith("destination: Write an address")
    assert found[3][1].startswith("“balloon” is none of: Button")
    assert found[4] == (7, "has another number of cells than the header")
    confirm_upload(upload=upload)
    with pytest.raises(CannotImportError, match="look at the lines again"):
        run_import(upload=upload, progress=lambda _: None)
    assert not CTA.objects.exists()
    assert Upload.objects.get().status == "failed"


def test_cta_of_the_same_name_is_updated_and_undone(listed, site):
    cta = factories.make_cta(site, "Go", destination="/old", wordings={"en": "Go", "fr": "Y aller"})
    revision = serving.config_revision()
    upload = listed("name,en,destination\nGo,Go now,/new\nOther,Stay,/stay\n")
    assert do(upload)["updated"] == 1
    cta.refresh_from_db()
    assert (cta.destination, cta.wordings.get(locale="en").text) == ("/new", "Go now")
    assert cta.wordings.get(locale="fr").text == "Y aller"
    assert serving.config_revision() > revision
    assert undo_upload(upload=upload, now=NOW) == "Deleted: 1; as before: 1."
    cta.refresh_from_db()
    assert (cta.destination, cta.wordings.get(locale="en").text) == ("/old", "Go")
    assert CTA.objects.get() == cta


def test_arm_of_a_live_experiment_is_locked(listed, running_experiment):
    preview = preview_of(listed("name,en\nhero-test b,Another\n"))
    assert [remark.text for remark in preview.remarks] == [
        "Locked while it is an arm of: “hero-test”."
    ]


def test_undo_is_refused_once_a_cta_is_in_use(listed, site):
    upload = listed("name,en\nNew,Fresh\n")
    do(upload)
    factories.make_slot(site, "used", default_cta=CTA.objects.get(name="New"))
    with pytest.raises(CannotImportError, match="In use by"):
        undo_upload(upload=upload, now=NOW)
    assert CTA.objects.filter(name="New").exists()
    assert Upload.objects.get().status == "done"


def test_language_of_a_column_is_chosen(listed):
    upload = listed(
        "nom,texte\nA,Bonjour\n", header=["nom", "texte"], roles=["name", "wording:fr-CA"]
    )
    do(upload)
    assert CTA.objects.get().wordings.get().locale == "fr-CA"


def test_tags_are_the_site_s_own(listed, site, other_site):
    Tag.objects.create(site=other_site, name="spring")
    do(listed("name,en,tags\nA,Go,spring\n"))
    assert CTA.objects.get().tags.get().site == site


def test_table_without_wordings_is_refused(listed):
    preview = preview_of(listed("name,destination\nA,/go\n"))
    assert preview.faults == ["Choose the column of the wordings and their language."]


def test_too_many_rows_are_refused(listed):
    rows = "\n".join(f"n{at},Go {at}" for at in range(2_001))
    assert "More than 2,000 rows" in preview_of(listed(f"name,en\n{rows}\n")).faults[0]

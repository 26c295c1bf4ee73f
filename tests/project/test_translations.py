"""The admin in French: whole, faithful to the English, and compiled as `make` does it."""

import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import django
import polib
import pytest
import unfold
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import translation

from ctaopt.theme_messages import DJANGO_WORDS, THEME_WORDS
from tests import factories
from tests.project.messages import (
    messages_below,
    packaged_french,
    python_messages,
    template_messages,
)

OWN_FOLDERS = ("accounts", "ctaopt", "experiments", "ml", "templates")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdf%]|\{\w*\}")


@pytest.fixture(scope="module")
def french_path(pytestconfig):
    return pytestconfig.rootpath / "locale" / "fr" / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module")
def french(french_path):
    return polib.pofile(str(french_path))


@pytest.fixture(scope="module")
def translated(french):
    return {(entry.msgctxt, entry.msgid) for entry in french.translated_entries()}


def texts(entry):
    """The translation of a message; two of them where there is a plural."""
    return list(entry.msgstr_plural.values()) or [entry.msgstr]


def test_catalogue_has_no_loose_ends(french):
    assert french.untranslated_entries() == []
    assert french.fuzzy_entries() == []
    assert french.obsolete_entries() == []


# Of a number, or of what stands for one; a sign of a format follows a word, too.
SPACED_PERCENT = re.compile(r"(?:\d|%\(\w+\)s|\{\w*\})[ \u00a0\u202f]%%?(?![\w({])")


def test_english_percentages_have_no_space(french):
    english = [text for entry in french for text in (entry.msgid, entry.msgid_plural)]
    assert sum("%%" in text for text in english) > 20
    assert [text for text in english if SPACED_PERCENT.search(text)] == []
    assert SPACED_PERCENT.search("%(number)s %%")
    assert SPACED_PERCENT.search("from 1 % on")


def test_catalogue_names_no_person_host_or_date(french):
    assert set(french.metadata) == {
        "Project-Id-Version",
        "Language",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Plural-Forms",
    }
    assert french.metadata["Language"] == "fr"
    assert french.metadata["Plural-Forms"] == "nplurals=2; plural=(n > 1);"


def test_translations_keep_the_placeholders(french):
    for entry in french:
        sources = [entry.msgid, entry.msgid_plural] if entry.msgid_plural else [entry.msgid]
        for source, text in zip(sources, texts(entry), strict=True):
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source)), source


def test_translations_keep_the_ends_that_sentences_are_joined_at(french):
    for entry in french:
        for text in texts(entry):
            source = entry.msgid
            assert text[:1].isspace() == source[:1].isspace(), source
            assert text[-1:].isspace() == source[-1:].isspace(), source


def test_translations_are_set_as_french_is(french):
    """No-break spaces at high signs and in quotation marks; French marks and apostrophes."""
    for entry in french:
        for text in texts(entry):
            assert not re.search(r" [:;?!»]| %%| %(?!\()|« ", text), text
            assert not re.search(r"[“”]|\w'\w", text), text


def test_catalogue_translates_what_the_project_says_and_nothing_else(pytestconfig, translated):
    said = set().union(*(messages_below(pytestconfig.rootpath / name) for name in OWN_FOLDERS))
    assert len(said) > 300
    assert said - translated == set()
    assert translated - said == set()


def test_everything_the_theme_says_is_translated(translated):
    """What it says in the apps that are installed; those of `unfold.contrib` are not."""
    theme = Path(unfold.__path__[0])
    said = messages_below(theme) - messages_below(theme / "contrib")
    assert len(said) > 100
    assert said - translated - packaged_french() == set()


def test_theme_words_are_words_of_the_theme(pytestconfig):
    listed = python_messages((pytestconfig.rootpath / "ctaopt" / "theme_messages.py").read_text())
    assert len(listed) == len(THEME_WORDS) + len(DJANGO_WORDS)
    contrib = Path(django.__path__[0]) / "contrib"
    said = messages_below(contrib / "admin") | messages_below(contrib / "auth")
    assert {(None, str(text)) for text in DJANGO_WORDS} - said == set()
    listed -= {(None, str(text)) for text in DJANGO_WORDS}
    assert listed - messages_below(Path(unfold.__path__[0])) == set()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('_("A " "b")', (None, "A b")),
        ('ngettext("a day", "%(n)s days", n)', (None, "a day")),
        ('pgettext("noun", "look")', ("noun", "look")),
        ('npgettext("noun", "look", "looks", n)', ("noun", "look")),
    ],
)
def test_messages_are_found_in_code(source, message):
    assert python_messages(f"x = {source}") == {message}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('<b>\n    (\n  {% translate "It\'s" %}', "It's"),
        ("{% blocktranslate with n=1 %}{{ n }} %{% endblocktranslate %}", "%(n)s %%"),
        ("{% blocktranslate count n=n %}one{% plural %}{{ n }}{% endblocktranslate %}", "one"),
    ],
)
def test_messages_are_found_in_templates(source, message):
    assert template_messages(source) == {(None, message)}


@pytest.fixture(scope="module")
def made(pytestconfig, french_path, tmp_path_factory):
    """The catalogue as `make translations` compiles it, in a folder of its own."""
    clone = tmp_path_factory.mktemp("clone")
    copy = clone / french_path.relative_to(pytestconfig.rootpath)
    copy.parent.mkdir(parents=True)
    shutil.copy(french_path, copy)
    shutil.copy(pytestconfig.rootpath / "Makefile", clone)
    command = [shutil.which("make"), "translations", f"VENV={sys.prefix}"]
    subprocess.run(command, cwd=clone, check=True)
    with copy.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_make_compiles_the_whole_catalogue(made, french):
    assert made.gettext("Slots") == "Emplacements"
    for entry in french:
        if not entry.msgid_plural:
            assert made.gettext(entry.msgid) == entry.msgstr


def test_make_compiles_plurals(made):
    one, many = "That is one week.", "That is %(weeks)s whole weeks."
    assert made.ngettext(one, many, 1) == "Soit une semaine entière."
    assert made.ngettext(one, many, 3) == "Soit %(weeks)s semaines entières."


@pytest.fixture
def french_admin(client, db):
    """The browser of a person who may do everything and reads French."""
    client.force_login(get_user_model().objects.create_superuser("owner"))
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    return client


def page(client, name, *args):
    return client.get(reverse(name, args=args)).content.decode()


def test_home_page_speaks_french(french_admin):
    body = page(french_admin, "home")
    assert '<html lang="fr">' in body
    assert "Quels mots font cliquer vos visiteurs\u00a0?" in body
    assert "Which words" not in body


def test_dashboard_speaks_french(french_admin):
    body = page(french_admin, "admin:index")
    for text in ("À décider", "Emplacements", "Formulations passées"):
        assert text in body


def test_report_page_speaks_french(french_admin):
    experiment = factories.make_library_experiment(factories.make_site())
    body = page(french_admin, "admin:experiments_experiment_report", experiment.pk)
    assert "Pas de verdict\u00a0: les données ne sont pas fiables." in body
    assert "Khi-deux = 96,743 (degrés de liberté\u00a0: 4)" in body
    assert "0,408\u00a0%" in body
    assert "Against the control" not in body


def test_report_page_gives_the_reasons_of_the_statistics_in_french(french_admin):
    slot = factories.make_slot(factories.make_site())
    experiment = factories.make_running_experiment(slot)
    body = page(french_admin, "admin:experiments_experiment_report", experiment.pk)
    assert "Une variante n\u2019a aucun visiteur." in body
    assert "An arm has no visitors." not in body


def test_report_page_speaks_english_to_everybody_else(french_admin):
    french_admin.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    slot = factories.make_slot(factories.make_site())
    experiment = factories.make_running_experiment(slot)
    body = page(french_admin, "admin:experiments_experiment_report", experiment.pk)
    assert "No visitors are arriving." in body


def test_log_in_page_speaks_french(client, db):
    body = client.get(reverse("account_login"), HTTP_ACCEPT_LANGUAGE="fr").content.decode()
    assert "Bienvenue sur" in body
    assert "Welcome back to" not in body


def test_names_of_languages_are_capitalised_in_french():
    with translation.override("fr"):
        assert translation.gettext("French") == "Français"

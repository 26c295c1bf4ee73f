"""No page of the admin is put together from a model's name and a sentence of Django's, in French.

The pages are those of the URL configuration, with the rows of the table of routes and roles.
"""

import re
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from ctaopt.theme.titles import WORDS
from experiments.models import ServerKey
from tests.experiments.test_route_permissions import ask, make_world, probes

# Sentences that Django and the theme make of a verbose name, whatever its gender.
PUT_TOGETHER = re.compile(
    r"l.(?:objet|élément) |Ajout de |Modification de |Affichage de |Ajouter un objet|"
    r"Sélectionnez l|objet \w+ à |Supprimer (?:emplacement|CTA|audience|formulation)\b|"
    r"Select \w+ to (?:change|view)|Ajouter (?:espace|expérience|audience)\b|"
    r"Supprimer les [\w ]+ sélectionn|Administration de |Modèles de l.application"
)
# A mark that a word touches; addresses, times, CSS and placeholders are no texts.
GLUED = re.compile(r"[^\W\d_]:(?= |$)|«[^\u00a0\u202f]|[^\u00a0\u202f]»|\w [:;?!](?= |$)")
ENGLISH = re.compile(
    r"\b(?:in_text|above_fold|everybody|yielded|This page|No results|Add another|Mind this)\b"
)
ASCII_MINUS = re.compile(r"(?:^|[\s(>])-\d+(?:[.,]\d+)?[\s\u00a0\u202f]?%")
ONE_OF_MANY = re.compile(r"\b1[ \u00a0](?:visitors|days|tests|pages|clicks|wordings|arms|steps)\b")
STRAIGHT_APOSTROPHE = re.compile(r"[^\W\d_]'[^\W\d_]")
# One style of dates has the month as a word; French sets percentages off by a space, English not.
NUMERIC_DATE = re.compile(r"\b(?:\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4})\b")
GLUED_PERCENT = re.compile(r"\d%(?!\w)")
SPACED_PERCENT = re.compile(r"\d[ \u00a0\u202f]%(?!\w)")
DECIMAL_POINT = re.compile(r"(?<!WCAG )(?<![\w.:/-])\d+\.\d+(?![\w.:/-]|\.\d)")
# Counts have separators from five digits on.
UNGROUPED = re.compile(r"(?<![\w.,:/#-])\d{5,}(?![\w.:/-])")
# Code is no text, and the glyphs of icons are named in English.
SILENT = {"script", "style", "pre", "code", "textarea", "template"}
SPOKEN = {"title", "aria-label", "data-label", "placeholder", "alt"}

OWN_APPS = ("accounts", "experiments", "ml")
PAGES = [
    probe
    for probe in probes()
    if probe.method == "get"
    and probe.template.startswith(("admin/", "calculators/"))
    # It needs a whole manifest: its own tests train a predictor.
    and "predictorversion/<" not in probe.template
]


def stored_values():
    """Values that are kept for choices, without those that are also their own names."""
    models = [one for one in apps.get_models() if one.__module__.startswith(OWN_APPS)]
    fields = [field for model in models for field in model._meta.get_fields()]
    chosen = [pair for field in fields for pair in getattr(field, "choices", None) or ()]
    chosen += ServerKey.Scope.choices
    with translation.override("fr"):
        names = {str(label).casefold() for _, label in chosen}
    values = {value for value, _ in chosen if isinstance(value, str) and value}
    return {value for value in values if value.casefold() not in names}


class Texts(HTMLParser):
    """The texts between tags, and those that attributes hold for people."""

    def __init__(self):
        super().__init__()
        self.found, self.silent = [], 0

    def handle_starttag(self, tag, attrs):
        self.silent += tag in SILENT
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag):
        self.silent -= tag in SILENT

    def handle_data(self, data):
        if not self.silent:
            self.found.append(data)


def texts(answer):
    reader = Texts()
    reader.feed(answer.content.decode())
    return [re.sub(r"[ \t\r\n]+", " ", one).strip(" ") for one in reader.found]


@pytest.fixture(scope="module")
def texts_of_pages(django_db_setup, django_db_blocker):
    """Template and texts of each page, by language. The rows are gone again: a test has its own."""
    # The last page's language stays active behind it.
    with translation.override("en"), django_db_blocker.unblock(), transaction.atomic():
        own, _, cookies = make_world()
        client = Client()
        client.cookies = cookies["superuser"]
        read = {language: [*opened(client, own, language)] for language in ("en", "fr")}
        transaction.set_rollback(True)
    return read


def opened(client, things, language):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    for probe in PAGES:
        answer = ask(client, probe, things)
        if answer.status_code == 200 and "text/html" in answer.get("Content-Type", ""):
            yield probe.template, texts(answer)


def faults(pages, patterns):
    """What is wrong on the pages, with the address of the first page that says it."""
    assert len(pages) > 40
    found = {}
    for template, said in pages:
        for text in said:
            if any(pattern.search(text) for pattern in patterns):
                found.setdefault(text, template)
    return found


def test_pages_are_in_whole_french(texts_of_pages):
    assert faults(texts_of_pages["fr"], (PUT_TOGETHER, GLUED, ENGLISH, ASCII_MINUS)) == {}


def test_pages_name_what_is_stored(texts_of_pages):
    """No key of a choice is shown for its name."""
    stored = stored_values()
    assert stored >= {"above_fold", "erase"}
    # What rows and people of these tests are called, glyphs, the menu of languages, a French word.
    stored -= {"all", "control", "owner", "en", "fr", "verdict"}
    stored -= {"add", "delete", "history", "undo"}

    class Listed:
        @staticmethod
        def search(text):
            return {part.strip() for part in text.split(",")} <= stored

    assert faults(texts_of_pages["fr"], (Listed,)) == {}


def test_pages_have_one_style_of_dates_and_numbers(texts_of_pages):
    both = (NUMERIC_DATE, UNGROUPED)
    assert faults(texts_of_pages["en"], (*both, SPACED_PERCENT)) == {}
    french = (*both, GLUED_PERCENT, DECIMAL_POINT, STRAIGHT_APOSTROPHE)
    assert faults(texts_of_pages["fr"], french) == {}


def test_pages_count_one_as_one(texts_of_pages):
    assert faults(texts_of_pages["en"], (ONE_OF_MANY, ASCII_MINUS)) == {}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (PUT_TOGETHER, "Sélectionnez l\u2019objet expérience à changer"),
        (PUT_TOGETHER, "Ajouter un objet Variante supplémentaire"),
        (GLUED, "Appareil: téléphone"),
        (GLUED, "«Commander…»"),
        (ENGLISH, "in_text"),
        (ASCII_MINUS, "-20,4\u00a0%"),
        (ONE_OF_MANY, "1 visitors"),
        (PUT_TOGETHER, "Supprimer les audiences sélectionnés"),
        (NUMERIC_DATE, "le 2026-11-22 à midi"),
        (GLUED_PERCENT, "20,00% des visiteurs"),
        (SPACED_PERCENT, "20.00\u00a0% of the visitors"),
        (UNGROUPED, "14530 visiteurs"),
        (DECIMAL_POINT, "0.05"),
        (STRAIGHT_APOSTROPHE, "d'administration"),
    ],
)
def test_fault_is_recognised(pattern, text):
    assert pattern.search(text)


def test_every_list_of_the_admin_has_words():
    listed = {model._meta.label_lower for model in admin.site._registry}
    assert listed - set(WORDS) == set()


def title_of(body):
    return " ".join(re.search(r"<title>(.*?)</title>", body, re.DOTALL)[1].split())


def test_titles_of_forms_are_the_admin_s_own(admin_client, site):
    admin_client.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    body = admin_client.get(reverse("admin:experiments_experiment_add")).content.decode()
    assert title_of(body) == "Nouvelle expérience | ctaopt"
    assert "Ajouter une variante" in body
    empty = admin_client.get(reverse("admin:experiments_audience_changelist")).content.decode()
    assert title_of(empty) == "Audiences | ctaopt"
    assert "Pas encore d\u2019audience" in empty
    assert re.search(r"audience/compose/[^>]*>\s*Ajouter une audience", empty)

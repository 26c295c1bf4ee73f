import io
from datetime import timedelta

import pytest
import time_machine
from django.utils import translation
from openpyxl import Workbook

from experiments.models import Event
from experiments.services.importing.event_history import preview_events, result_in_words
from experiments.services.importing.imports import confirm_upload, may_be_undone, run_import
from experiments.services.importing.uploads import path_of
from experiments.services.rollups.folding import fold_pending
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

EVENTS = (
    "Type;Visiteur;Date;Emplacement;Variante;Objectif;Montant;Devise\n"
    "exposition;v-1;21/11/2026 09:05;hero;b;;;\n"
    "clic;v-1;21/11/2026 09h06;hero;b;;;\n"
    "conversion;v-1;21/11/2026 09:07:30;;;achat;49,90;eur\n"
    "exposition;v-2;2026-11-21T10:00:00Z;hero;control;;;\n"
)


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def events(uploaded, running_experiment):
    """Upload events of the shop, whose experiment runs."""
    return lambda content: uploaded(content, kind="events")


def preview_of(upload):
    return preview_events(path_of(upload), upload.options, site=upload.site)


def do(upload):
    assert confirm_upload(upload=upload)
    run_import(upload=upload, progress=lambda _: None)
    return upload.result


def test_preview_counts_what_would_be_stored(events):
    preview = preview_of(events(EVENTS))
    assert (preview.remarks, preview.n_good) == ([], 4)
    facts = dict(preview.facts)
    assert [facts[name] for name in ("Exposures", "Clicks", "Conversions", "Visitors")] == [
        *("2", "1", "1", "2")
    ]
    assert not Event.objects.exists()


def test_events_are_stored_and_counted_as_others(events, running_experiment):
    running_experiment.goal = "achat"
    upload = events(EVENTS)
    assert do(upload) == {"created": 4, "unchanged": 0, "refused": 0}
    assert ("New events", "4") in result_in_words(upload.result)
    conversion = Event.objects.get(type="conversion")
    assert (conversion.goal, float(conversion.value), conversion.currency) == ("achat", 49.9, "EUR")
    clicked_at = NOW - timedelta(days=1, hours=2, minutes=54)
    assert Event.objects.get(type="click").occurred_at == clicked_at
    fold_pending()
    rows = running_experiment.rollups.filter(segment="")
    assert sum(row.visitors for row in rows) == 2
    assert sum(row.clicking_visitors for row in rows) == 1
    assert not may_be_undone(upload)


def test_order_that_two_lines_name_is_one_conversion(events, running_experiment):
    running_experiment.goal = "achat"
    running_experiment.save()
    header = "type,visitor,at,slot,variant,goal,value,Order number\n"
    seen = "exposure,v-1,2026-11-21 09:00,hero,b,,,\n"
    sold = "conversion,v-1,2026-11-21 09:0{},,,achat,50,A-1001\n"
    do(events(header + seen + sold.format(1) + sold.format(2)))
    fold_pending()
    (row,) = running_experiment.rollups.filter(segment="", variant__key="b")
    assert (row.conversion_sum, float(row.value_sum)) == (1, 50)


def test_number_of_a_workbook_has_one_reading(events, uploaded):
    book = Workbook()
    book.active.append(["type", "visitor", "at", "goal", "value"])
    book.active.append(["conversion", "v-1", NOW.replace(tzinfo=None), "achat", 1.234])
    file = io.BytesIO()
    book.save(file)
    assert do(uploaded(file.getvalue(), kind="events", name="events.xlsx"))["created"] == 1
    assert float(Event.objects.get().value) == 1.234


def test_same_file_again_stores_nothing(events):
    do(events(EVENTS))
    assert do(events(EVENTS)) == {"created": 0, "unchanged": 4, "refused": 0}


def test_equal_rows_are_two_events(events):
    line = "clic;v-1;21/11/2026 09:06;hero;b;;;\n"
    header = EVENTS.splitlines(keepends=True)[0]
    assert do(events(header + line + line))["created"] == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("like,v,2026-11-21 09:00,hero,b", "“like” is neither exposure, click nor conversion"),
        ("click,v,yesterday,hero,b", "“yesterday” is not a time"),
        ("click,v,21/11/2026 9:05 PM,hero,b", "“21/11/2026 9:05 PM” is not a time"),
        ("click,v,21/11/2026 9 h 05,hero,b", "“21/11/2026 9 h 05” is not a time"),
        ("click,v,2026-10-01,hero,b", "The time is more than 30 days ago."),
        ("click,v,2026-11-24,hero,b", "The time lies in the future."),
        ("click,v,2026-11-21,foot,b", "There is no such slot."),
        ("click,v,2026-11-21,hero,z", "No experiment on this slot has such an arm."),
        ("click,v,2026-11-01,hero,b", "No experiment ran on this slot at that time."),
        ("click,,2026-11-21,hero,b", "A value is missing or malformed: visitor."),
        ("click,v,2026-11-21,hero", "has another number of cells than the header"),
        ("click,undefined,2026-11-21,hero,b", "The visitor is a placeholder"),
        ("click,1.23457E+18,2026-11-21,hero,b", "“1.23457E+18” was rounded by a spreadsheet"),
    ],
)
def test_refused_line_is_named_and_the_others_taken(events, row, reason):
    upload = events(f"type,visitor,at,slot,variant\n{row}\nclick,v-9,2026-11-21 08:00,hero,b\n")
    (remark,) = preview_of(upload).remarks
    assert remark.line == 2
    assert remark.text.startswith(reason)
    assert do(upload) == {"created": 1, "unchanged": 0, "refused": 1}


@pytest.mark.parametrize(
    ("value", "currency", "reason"),
    [
        ("beaucoup", "", "« beaucoup » n\u2019est pas un nombre"),
        ('"1,234"', "", "« 1,234 » peut être des milliers ou des décimales"),
        ("$5", "", "« $5 » peut être en plusieurs devises"),
        ("5 €", "USD", "« 5 € » n\u2019est pas en USD"),
        ("2e12", "", "« 2e12 » est trop grand"),
        ("5", "euro", "Une valeur manque ou est mal formée : devise."),
    ],
)
def test_refused_value_is_named_in_the_language_of_the_reader(events, value, currency, reason):
    upload = events(
        f"type,visitor,at,goal,value,currency\nconversion,v,2026-11-21,g,{value},{currency}\n"
    )
    with translation.override("fr"):
        (remark,) = preview_of(upload).remarks
    assert remark.text.replace("\u00a0", " ").startswith(reason)


def test_times_without_a_zone_are_of_the_site(events, site):
    site.time_zone = "Europe/Paris"
    site.save()
    do(events("type,visitor,at,slot,variant\nclick,v,2026-11-21 09:00,hero,b\n"))
    assert Event.objects.get().occurred_at.hour == 8


def test_missing_columns_are_named(events):
    assert preview_of(events("type,visitor\nclick,v\n")).faults == ["Choose the column of: time"]

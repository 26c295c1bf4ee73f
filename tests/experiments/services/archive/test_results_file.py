import io
import math
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from experiments.models import PastTest, Site
from experiments.services.archive import results_file
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.archive.results_file import write_results
from tests import factories
from tests.experiments.services.archive.conftest import import_test
from tests.factories import NOW


@pytest.fixture
def archive(won, slot):
    arms = ("Réserver", 1_000, 40), ("Plus que 3 places", 1_000, 90)
    import_test(slot.site, "newsletter", *arms, locale="fr", ended_on=NOW.date())
    rival = factories.make_site("rival")
    import_test(rival, "secret", ("Go", 1_000, 40), ("Try", 1_000, 90))
    keep_past_tests(now=NOW + timedelta(minutes=1))


def written(*sites):
    file = io.BytesIO()
    n_rows = write_results(file, sites=Site.objects.filter(key__in=sites))
    rows = pq.read_table(file).to_pylist()
    assert len(rows) == n_rows
    return rows


def test_every_wording_of_ones_sites_is_a_row(archive):
    rows = written("shop")
    assert sorted((row["name"], row["arm"]) for row in rows) == [
        ("newsletter", 0),
        ("newsletter", 1),
        ("won", 0),
        ("won", 1),
    ]
    assert {row["site"] for row in written("shop", "rival")} == {"shop", "rival"}


def test_own_test_has_figures_against_the_control(archive):
    control, other = sorted(
        (row for row in written("shop") if row["name"] == "won"), key=lambda row: row["arm"]
    )
    assert (control["is_control"], other["is_control"]) == (True, False)
    assert (other["experiment"], other["slot"], other["verdict"]) == ("won", "hero", "winner")
    assert (other["visitors"], other["clicks"], other["rate"]) == (1_000, 150, 0.15)
    assert other["lift"] == pytest.approx(1.5)
    assert other["log"] == pytest.approx(math.log(2.5))
    test = PastTest.objects.get(name="won")
    assert (other["test"], other["kept_at"]) == (test.pk, test.kept_at)


def test_imported_test_has_its_words_and_no_lift(archive):
    rows = {row["text"]: row for row in written("shop") if row["name"] == "newsletter"}
    best = rows["Plus que 3 places"]
    assert (best["lift"], best["experiment"], best["slot"]) == (None, None, None)
    assert (best["tags"], best["ended_on"]) == ([], NOW.date())
    assert "scarcity" in best["principles"]
    assert (best["is_best"], rows["Réserver"]["is_best"]) == (True, False)


def test_large_archive_is_written_group_by_group(archive, monkeypatch):
    monkeypatch.setattr(results_file, "TESTS_A_GROUP", 1)
    assert len(written("shop", "rival")) == 6


def test_empty_archive_is_a_file_with_the_columns(site):
    file = io.BytesIO()
    assert write_results(file, sites=Site.objects.all()) == 0
    assert {"test", "text", "visitors", "lift"} <= set(pq.read_schema(file).names)

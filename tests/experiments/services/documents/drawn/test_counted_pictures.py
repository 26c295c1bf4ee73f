from datetime import timedelta

import pytest
from django.utils import translation

from experiments.services.documents.drawn.counted_pictures import counted_pictures
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW

WARNINGS = {
    "en": "The data cannot be trusted: these figures are what was counted, and prove nothing.",
    "fr": "Les données ne sont pas fiables",
}


def words_of(experiment):
    return {one.name: one.words for one in counted_pictures(concluded(experiment))}


def counted(experiment, control):
    """Count visitors of the control beside 10,000 of the other arm, each with a segment."""
    count(experiment, (control, control // 20), (10_000, 800))
    for arm, visitors in zip(experiment.variants.order_by("arm"), (control, 10_000), strict=True):
        factories.make_rollup(
            arm, visitors=visitors, clicks=visitors // 20, segment="device=mobile"
        )


@pytest.mark.parametrize("language", WARNINGS)
def test_pictures_of_untrusted_data_conclude_nothing(running_experiment, language):
    counted(running_experiment, control=6_000)
    with translation.override(language):
        words = words_of(running_experiment)
    assert {"lifts", "segments", "funnel"} <= words.keys()
    for name in ("lifts", "segments"):
        assert words[name].startswith(WARNINGS[language])
    assert not words["funnel"].startswith(WARNINGS[language])


@pytest.mark.parametrize("language", WARNINGS)
def test_sequence_of_untrusted_data_proves_nothing_on_any_day(running_experiment, language):
    for back in (4, 3, 2):
        day = (NOW - timedelta(days=back)).date()
        count(running_experiment, (2_000, 100), (4_000, 600), day=day)
    running_experiment.changes.create(kind="pause", at=NOW - timedelta(days=3))
    full = concluded(running_experiment)
    (row,) = full.report.comparisons
    assert row.proven
    with translation.override(language):
        picture = {one.name: one for one in counted_pictures(full)}["sequence"]
    assert picture.words.startswith(WARNINGS[language])
    # What people did is said all the same, and nothing else is marked.
    assert len(picture.options["marks"]) == 1
    assert picture.words.endswith(f"{picture.options['marks'][0]['text']}.")


def test_pictures_of_trusted_data_have_their_own_words(running_experiment):
    counted(running_experiment, control=10_000)
    assert "highest lift" in words_of(running_experiment)["lifts"]

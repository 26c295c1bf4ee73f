import pytest
from django.utils import translation

from experiments.services.documents.counted_pictures import counted_pictures
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count

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


def test_pictures_of_trusted_data_have_their_own_words(running_experiment):
    counted(running_experiment, control=10_000)
    assert "highest lift" in words_of(running_experiment)["lifts"]

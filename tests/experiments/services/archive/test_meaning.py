from datetime import timedelta

import pytest

from experiments import tasks
from experiments.models import PastTest, Site
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.archive.meaning import keep_meaning_index, nearest_to, past_tests_like
from ml import predict
from tests import factories
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW


@pytest.fixture
def archive(slot):
    """A finished experiment and two imported tests of the shop, and a test of the rival."""
    site = slot.site
    finish(slot, "won", (1_000, 60), (1_000, 150), outcome="winner")
    import_test(site, "t1", ("Download the guide", 1_000, 90), ("Book a seat", 1_000, 80))
    import_test(site, "t2", ("Talk to an expert", 1_000, 90), ("Ask us", 1_000, 80))
    rival = factories.make_site("rival")
    import_test(rival, "secret", ("Download the guide", 1_000, 90), ("No", 1_000, 80))
    keep_past_tests(now=NOW + timedelta(minutes=1))
    return site


def names(keys):
    return [PastTest.objects.get(pk=pk).name for pk in keys]


def only(site):
    return Site.objects.filter(pk=site.pk)


def test_wordings_and_names_are_indexed_and_nearest_tests_are_found(archive, meaning_service):
    assert keep_meaning_index() == meaning_service.n_texts()
    assert {"won", "t1", "Book a seat"} <= set(meaning_service.index.texts)
    assert names(nearest_to("Book a seat", sites=only(archive)))[0] == "t1"
    assert "secret" in names(nearest_to("Download the guide", sites=Site.objects.all()))
    assert "secret" not in names(nearest_to("Download the guide", sites=only(archive)))


def test_unchanged_archive_is_not_read_again(archive, meaning_service):
    keep_meaning_index()
    assert keep_meaning_index() is None
    import_test(archive, "t3", ("Pay later", 1_000, 90), ("Pay now", 1_000, 80))
    keep_past_tests(now=NOW + timedelta(minutes=2))
    assert keep_meaning_index() == meaning_service.n_texts()
    assert "Pay later" in meaning_service.index.texts


def test_draft_is_like_tests_with_its_wordings_but_not_like_itself(archive, slot, meaning_service):
    keep_meaning_index()
    own = PastTest.objects.get(name="won").experiment
    like = past_tests_like(own, sites=only(archive))
    assert like.by_meaning
    assert "won" not in {one.test.name for one in like.tests}
    draft = factories.make_experiment(slot, "draft")
    (first, *_) = past_tests_like(draft, sites=only(archive)).tests
    # Its wordings are those of the finished experiment.
    assert (first.test.name, first.text in meaning_service.index.texts) == ("won", True)


def test_without_an_answer_tests_with_the_same_long_words_are_like_it(archive, slot):
    assert nearest_to("Book a seat", sites=only(archive)) is None
    draft = factories.make_experiment(slot, "draft")
    draft.variants.get(arm=0).cta.wordings.update(text="Guide: download")
    draft.variants.get(arm=1).cta.wordings.update(text="To us")
    like = past_tests_like(draft, sites=only(archive))
    assert ([one.test.name for one in like.tests], like.by_meaning) == (["t1"], False)


def test_arms_without_a_wording_are_like_nothing(archive, draft, meaning_service):
    keep_meaning_index()
    for arm in draft.variants.all():
        arm.cta.wordings.all().delete()
    assert past_tests_like(draft, sites=only(archive)).tests == []


def test_task_says_what_it_did_and_what_hinders_it(archive, meaning_service, caplog, monkeypatch):
    with caplog.at_level("INFO", logger="experiments.tasks"):
        tasks.keep_meaning_index()
    assert f"the meaning of {meaning_service.n_texts()} texts" in caplog.text

    def broken(*_):
        raise predict.PredictorError("no_predictor", {})

    monkeypatch.setattr(predict, "update_meaning_index", broken)
    tasks.keep_meaning_index()
    assert "no search by meaning: " in caplog.text

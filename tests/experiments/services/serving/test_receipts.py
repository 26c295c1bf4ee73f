import pytest

from experiments.services.serving.receipts import is_receipt_of, receipt_of
from tests import factories
from tests.experiments.services.serving.visitors import evaluate, served

ANSWER = {"site_id": 1, "experiment_id": 2, "arm": 1, "phase": 0, "visitor": "v-1"}


def test_receipt_is_short_and_of_one_answer_only():
    receipt = receipt_of(**ANSWER)
    assert len(receipt) == 16
    assert is_receipt_of(receipt, **ANSWER)
    for name, other in {"site_id": 2, "experiment_id": 1, "arm": 0, "phase": 1}.items():
        assert not is_receipt_of(receipt, **ANSWER | {name: other})
    assert not is_receipt_of(receipt, **ANSWER | {"visitor": "v-2"})


@pytest.mark.parametrize("made_up", ["", "A" * 16, "é\ud800", "x" * 100])
def test_made_up_receipt_is_none(made_up):
    assert not is_receipt_of(made_up, **ANSWER)


def test_receipt_outlives_a_rotation_of_the_secret_but_no_more(settings):
    receipt = receipt_of(**ANSWER)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret"
    assert not is_receipt_of(receipt, **ANSWER)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert is_receipt_of(receipt, **ANSWER)


def test_answer_by_hash_has_no_receipt_unless_the_site_wants_one(running_experiment):
    assert evaluate(served()).receipt is None
    site = running_experiment.slot.site
    site.needs_receipts = True
    site.save()
    answers = [evaluate(served(), visitor) for visitor in ("v-1", "v-2")]
    assert len({one.receipt for one in answers}) == 2


def test_default_cta_needs_no_receipt(slot):
    factories.make_experiment(slot)
    assert evaluate(served()).receipt is None

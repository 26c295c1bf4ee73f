from dataclasses import FrozenInstanceError

import pytest

from ml.history.archived_test import ArchivedTest


def test_texts_of_a_test_cannot_be_exchanged():
    test = ArchivedTest(test=7, site=1, texts=("Go", "Try"))
    with pytest.raises(FrozenInstanceError):
        test.texts = ()
    assert test == ArchivedTest(test=7, site=1, texts=("Go", "Try"))

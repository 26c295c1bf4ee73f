import pytest

from ml.encoders.int8_export import export_int8
from ml.encoders.sentence_encoder import load_encoder
from tests.databases import made_once
from tests.ml.stored_predictor import TINY_ENCODER


@pytest.fixture(scope="session")
def tiny_encoder():
    return load_encoder(str(TINY_ENCODER))


@pytest.fixture(scope="session")
def tiny_copy(tiny_encoder):
    """The folder of its int8 copy; nothing may be written there."""

    def make(draft):
        draft.mkdir()
        export_int8(tiny_encoder, folder=draft)

    return made_once("tiny_int8", make)

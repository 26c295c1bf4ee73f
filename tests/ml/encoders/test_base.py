from ml.encoders.base import layers_of
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import HashEncoder


def test_encoder_without_layers_has_none():
    assert layers_of(HashEncoder()) is None
    assert layers_of(CachedEncoder(HashEncoder(), None)) is None


def test_layers_of_an_encoder_are_an_encoder_of_their_own():
    encoder = load_encoder(str(TINY_ENCODER))
    layers = layers_of(encoder)
    assert layers.encode(["Go"]).shape == (1, layers.dimension)
    assert layers.dimension > encoder.dimension
    assert layers.fingerprint != encoder.fingerprint

import shutil

import numpy as np
import pytest

from ml.encoders import int8_encoder
from ml.encoders.int8_encoder import Int8Encoder
from ml.encoders.int8_export import export_int8
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import EncoderError
from tests.ml.conftest import TINY_ENCODER

TEXTS = ["Découvrir", "Get my free guide now", "", "Buy 🎉", "word " * 400]


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(str(TINY_ENCODER))


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    made = tmp_path_factory.mktemp("int8")
    export_int8(encoder, folder=made)
    return made


@pytest.fixture(scope="module")
def copy(folder):
    return Int8Encoder(folder)


def test_copy_says_nearly_what_the_encoder_says(copy, encoder):
    cosine = (copy.encode(TEXTS) * encoder.encode(TEXTS)).sum(axis=1)
    assert cosine == pytest.approx(1.0, abs=0.01)
    assert (copy.name, copy.fingerprint) == (encoder.name, encoder.fingerprint)
    assert copy.dimension == encoder.dimension


def test_copy_reads_every_layer_as_the_encoder_does(copy, encoder):
    cosine = (copy.layers.encode(TEXTS) * encoder.layers.encode(TEXTS)).sum(axis=1)
    assert cosine == pytest.approx(1.0, abs=0.01)
    assert copy.layers.fingerprint == encoder.layers.fingerprint
    assert (copy.layers.name, copy.layers.dimension) == (encoder.name, encoder.layers.dimension)


def test_copy_says_the_same_in_any_company(copy):
    alone = np.vstack([copy.encode([text]) for text in TEXTS])
    # Each run has a scale of its own for its activations, so not to the last digit.
    assert (copy.encode(TEXTS) * alone).sum(axis=1) == pytest.approx(1.0, abs=0.01)


def test_progress_rises_to_one(copy):
    told = []
    copy.encode(TEXTS * 20, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_nothing_to_encode_gives_no_rows(copy):
    assert copy.encode([]).shape == (0, copy.dimension)


def test_damaged_copy_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / "encoder-int8.onnx"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(EncoderError, match="int8 copy"):
        Int8Encoder(tmp_path / "copy")


def test_text_is_read_once_whatever_is_asked_of_it(folder, monkeypatch):
    copy, runs = Int8Encoder(folder, threads=1), []
    run = copy._graph._run
    monkeypatch.setattr(copy._graph, "_run", lambda tokens: runs.append(len(tokens)) or run(tokens))
    copy.encode(["Go", "Try", "Go"])
    copy.layers.encode(["Try", "Go", "Buy"])
    assert runs == [2, 1]


def test_batches_run_side_by_side_say_what_one_by_one_says(folder):
    many = [f"Get guide {number} now" for number in range(100)]
    alone = Int8Encoder(folder, threads=1).encode(many)
    for threads in (2, 5):
        beside = Int8Encoder(folder, threads=threads).encode(many)
        assert (beside * alone).sum(axis=1) == pytest.approx(1.0, abs=0.01)


def test_few_texts_are_shared_out_to_all_cores(folder, monkeypatch):
    copy, runs = Int8Encoder(folder, threads=2), []
    run = copy._graph._run
    monkeypatch.setattr(copy._graph, "_run", lambda tokens: runs.append(len(tokens)) or run(tokens))
    copy.encode([f"wording {number}" for number in range(9)])
    assert sorted(runs) == [4, 5]


def test_cores_without_enough_to_do_are_left_alone(folder, monkeypatch):
    copy, runs = Int8Encoder(folder, threads=64), []
    run = copy._graph._run
    monkeypatch.setattr(copy._graph, "_run", lambda tokens: runs.append(len(tokens)) or run(tokens))
    copy.encode([f"wording {number}" for number in range(9)])
    assert sorted(runs) == [1, 4, 4]


def test_memory_of_texts_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(int8_encoder, "REMEMBERED", 3)
    copy = Int8Encoder(folder)
    many = [f"wording {number}" for number in range(9)]
    assert copy.encode(many) == pytest.approx(copy.encode(many), abs=0.02)
    assert len(copy._graph._known) == 3


def test_copy_without_tuned_networks_has_none(copy):
    assert copy.tuned is None


def test_missing_copy_is_refused(tmp_path):
    with pytest.raises(EncoderError, match="No such file"):
        Int8Encoder(tmp_path)

import shutil

import numpy as np
import pytest

from ml.encoders import int8_encoder
from ml.encoders.int8_encoder import Int8Encoder
from ml.errors import EncoderError

TEXTS = ["Découvrir", "Get my free guide now", "", "Buy 🎉", "word " * 400]


@pytest.fixture(scope="module")
def copy(tiny_copy):
    return Int8Encoder(tiny_copy)


def test_copy_says_nearly_what_the_encoder_says(copy, tiny_encoder):
    cosine = (copy.encode(TEXTS) * tiny_encoder.encode(TEXTS)).sum(axis=1)
    assert cosine == pytest.approx(1.0, abs=0.01)
    assert (copy.name, copy.fingerprint) == (tiny_encoder.name, tiny_encoder.fingerprint)
    assert copy.dimension == tiny_encoder.dimension


def test_copy_reads_every_layer_as_the_encoder_does(copy, tiny_encoder):
    cosine = (copy.layers.encode(TEXTS) * tiny_encoder.layers.encode(TEXTS)).sum(axis=1)
    assert cosine == pytest.approx(1.0, abs=0.01)
    assert copy.layers.fingerprint == tiny_encoder.layers.fingerprint
    assert (copy.layers.name, copy.layers.dimension) == (
        tiny_encoder.name,
        tiny_encoder.layers.dimension,
    )


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


def test_damaged_copy_is_refused(tiny_copy, tmp_path):
    shutil.copytree(tiny_copy, tmp_path / "copy")
    path = tmp_path / "copy" / "encoder-int8.onnx"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(EncoderError, match="int8 copy"):
        Int8Encoder(tmp_path / "copy")


def test_text_is_read_once_whatever_is_asked_of_it(tiny_copy, monkeypatch):
    copy, runs = Int8Encoder(tiny_copy, threads=1), []
    run = copy._graph._run
    monkeypatch.setattr(copy._graph, "_run", lambda tokens: runs.append(len(tokens)) or run(tokens))
    copy.encode(["Go", "Try", "Go"])
    copy.layers.encode(["Try", "Go", "Buy"])
    assert runs == [2, 1]


def test_batches_run_side_by_side_say_what_one_by_one_says(tiny_copy):
    many = [f"Get guide {number} now" for number in range(100)]
    alone = Int8Encoder(tiny_copy, threads=1).encode(many)
    for threads in (2, 5):
        beside = Int8Encoder(tiny_copy, threads=threads).encode(many)
        assert (beside * alone).sum(axis=1) == pytest.approx(1.0, abs=0.01)


def test_few_texts_are_shared_out_to_all_cores(tiny_copy, monkeypatch):
    copy, runs = Int8Encoder(tiny_copy, threads=2), []
    run = copy._graph._run
    monkeypatch.setattr(copy._graph, "_run", lambda tokens: runs.append(len(tokens)) or run(tokens))
    copy.encode([f"wording {number}" for number in range(9)])
    assert sorted(runs) == [4, 5]


def test_cores_without_enough_to_do_are_left_alone(tiny_copy, monkeypatch):
    copy, runs = Int8Encoder(tiny_copy, threads=64), []
    run = copy._graph._run
    monkeypatch.setattr(copy._graph, "_run", lambda tokens: runs.append(len(tokens)) or run(tokens))
    copy.encode([f"wording {number}" for number in range(9)])
    assert sorted(runs) == [1, 4, 4]


def test_memory_of_texts_is_bounded(tiny_copy, monkeypatch):
    monkeypatch.setattr(int8_encoder, "REMEMBERED", 3)
    copy = Int8Encoder(tiny_copy)
    many = [f"wording {number}" for number in range(9)]
    assert copy.encode(many) == pytest.approx(copy.encode(many), abs=0.02)
    assert len(copy._graph._known) == 3


def test_copy_without_tuned_networks_has_none(copy):
    assert copy.tuned is None


def test_missing_copy_is_refused(tmp_path):
    with pytest.raises(EncoderError, match="No such file"):
        Int8Encoder(tmp_path)

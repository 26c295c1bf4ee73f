import shutil
import subprocess
import sys

import numpy as np
import pytest

from ml.encoders.cache import CachedEncoder
from ml.encoders.int8_encoder import Int8Encoder
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import ArtifactError, EncoderError
from ml.scoring.artifacts import load_artifact, load_student
from ml.scoring.calibration import Calibration
from ml.scoring.scorer import load_scorer
from ml.strategies.candidates import strategy_named
from ml.training.compression import MAX_TURNED, Agreement, compare_scores
from ml.training.options import Choices
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import HashEncoder, learnable_rows, train_in

COIN = Calibration(slope=1.0, lift_slope=1.0, lift_sd=0.1)
TEXTS = ["free 1", "plain 1", "free guide", "plain guide", "unseen words"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A fine-tuned predictor on the tiny encoder, and the folder it is stored in."""
    folder = tmp_path_factory.mktemp("fast") / "p1"
    result = train_in(
        folder,
        learnable_rows(60, gain=2.0),
        encoder=load_encoder(str(TINY_ENCODER)),
        choices=Choices(strategies=("fine_tuned",)),
    )
    return result, folder


def scorer(folder, encoder):
    return load_scorer(folder, make_encoder=lambda: encoder)


def test_fine_tuned_networks_are_copied_and_say_the_same(tuned):
    result, folder = tuned
    assert result.served == "fine_tuned"
    compared = result.manifest["fast_copy"]
    assert compared["is_equal"]
    assert compared["pairs"] > 30
    artifact, copy = load_artifact(folder), Int8Encoder(folder)
    encoder = CachedEncoder(load_encoder(str(TINY_ENCODER)), None)
    original = strategy_named("fine_tuned", make_encoder=lambda: encoder).restore(artifact.parts)
    copied = strategy_named("fine_tuned", make_encoder=lambda: copy).restore(artifact.parts)
    assert copied.score(TEXTS) == pytest.approx(original.score(TEXTS), abs=0.02)
    cosine = (copied.represent(TEXTS) * original.represent(TEXTS)).sum(axis=1)
    assert cosine == pytest.approx(1.0, abs=0.01)
    assert copied.parts() == artifact.parts


def test_manifest_and_card_tell_how_the_networks_were_trained(tuned):
    result, folder = tuned
    first, second = result.manifest["tuning"]
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first["taken"] == first["planned"] > 0
    told = f"Network 2: {second['taken']} of {second['planned']} steps"
    assert told in (folder / "MODEL_CARD.md").read_text()


def test_copy_answers_without_torch_or_any_library_that_trains(tuned):
    code = (
        "import sys; from pathlib import Path; from ml.encoders.int8_encoder import Int8Encoder;"
        "from ml.scoring.scorer import load_scorer; folder = Path(sys.argv[1]);"
        "found = load_scorer(folder, make_encoder=lambda: Int8Encoder(folder));"
        "print(found.score(['free a', 'plain a']).strategy);"
        "print(sorted({'torch', 'sklearn', 'pandas', 'scipy.stats'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(tuned[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["fine_tuned", "[]"]


def test_copy_cannot_be_trained(tuned):
    copy = Int8Encoder(tuned[1])
    with pytest.raises(EncoderError, match="cannot be trained"):
        strategy_named("fine_tuned", make_encoder=lambda: copy).fit(None)


def test_student_is_stored_with_its_teacher(tuned):
    student = load_student(tuned[1])
    assert student.fidelity > 0.5
    free, plain = student.score(["free 1", "plain 1"])
    assert free > plain


def test_student_is_loaded_without_torch(tuned):
    code = (
        "import sys; from pathlib import Path; from ml.scoring.artifacts import load_student;"
        "found = load_student(Path(sys.argv[1])).score(['free a', 'plain a']);"
        "print(found[0] > found[1], 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tuned[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_damaged_student_is_named(tuned, tmp_path):
    shutil.copytree(tuned[1], tmp_path / "p1")
    path = tmp_path / "p1" / "student.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArtifactError, match=r"student\.safetensors: the file is damaged"):
        load_student(tmp_path / "p1")


def test_encoder_that_is_no_network_has_neither_copy_nor_student(tmp_path):
    result = train_in(tmp_path / "p1", learnable_rows(), encoder=HashEncoder())
    assert result.manifest["fast_copy"] is None
    assert load_student(tmp_path / "p1") is None
    assert not (tmp_path / "p1" / "encoder-int8.onnx").exists()


def test_copy_that_turns_decided_pairs_is_not_equal():
    original, turned = np.array([0.0, 1.0, 0.0, 0.01]), np.array([1.0, 0.0, 0.01, 0.0])
    pairs = {"first": np.array([0, 2]), "second": np.array([1, 3]), "calibration": COIN}
    # The second pair turns too, but nobody would act on a hundredth.
    found = compare_scores(original, turned, **pairs)
    assert (found.pairs, found.turned, found.is_equal) == (2, 0.5, False)
    assert compare_scores(original, original, **pairs).is_equal


def test_copy_whose_chances_move_is_not_equal():
    assert not Agreement(pairs=9, turned=0.0, moved=0.03).is_equal
    assert not Agreement(pairs=9, turned=2 * MAX_TURNED, moved=0.0).is_equal

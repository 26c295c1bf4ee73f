import json
from dataclasses import replace

import numpy as np
import pytest

from ml.errors import ArtifactError
from ml.scoring.applicability import Domain
from ml.scoring.artifacts import Artifact, load_artifact, publish_artifact, verify_artifact
from ml.scoring.calibration import Calibration
from ml.scoring.similar_wordings import PastWording
from ml.strategies.base import Parts


@pytest.fixture
def artifact():
    return Artifact(
        strategy="frozen_head",
        parts=Parts(
            tensors={"weights": np.array([0.5, -0.25])}, words={"encoder": "f", "alpha": 3.0}
        ),
        calibration=Calibration(slope=2.0, lift_slope=1.0, lift_sd=0.2),
        domain=Domain(
            words=frozenset({"été", "go"}),
            max_unseen_share=0.5,
            max_distance=0.6,
            locale_groups={"fr": 3},
            audience_groups={"": 3},
        ),
        past=(
            PastWording(text="Été", test="t", locale="fr", visitors=9, clicks=1, lift_in_test=0.1),
        ),
        past_vectors=np.array([[1.0, 0.0]], dtype=np.float16),
        manifest={"seed": 1},
    )


@pytest.fixture
def folder(artifact, tmp_path):
    folder = tmp_path / "models" / "p1"
    publish_artifact(artifact, folder=folder, card="# Card")
    return folder


def test_stored_predictor_is_loaded_unchanged(artifact, folder):
    loaded = load_artifact(folder)
    np.testing.assert_array_equal(
        loaded.parts.tensors["weights"], artifact.parts.tensors["weights"]
    )
    np.testing.assert_array_equal(loaded.past_vectors, artifact.past_vectors)
    assert loaded.parts.words == artifact.parts.words
    assert (loaded.strategy, loaded.calibration) == (artifact.strategy, artifact.calibration)
    assert (loaded.domain, loaded.past) == (artifact.domain, artifact.past)
    assert loaded.manifest["seed"] == 1


def test_folder_holds_no_pickle_and_no_litter(folder):
    assert {path.name for path in folder.iterdir()} == {
        "tensors.safetensors",
        "words.json",
        "past.json",
        "domain.json",
        "manifest.json",
        "MODEL_CARD.md",
    }
    assert list(folder.parent.iterdir()) == [folder]


def test_predictor_without_vectors_is_loaded_without(artifact, tmp_path):
    publish_artifact(replace(artifact, past_vectors=None), folder=tmp_path / "p2", card="")
    assert load_artifact(tmp_path / "p2").past_vectors is None


@pytest.mark.parametrize(
    "name", ["tensors.safetensors", "words.json", "past.json", "domain.json", "MODEL_CARD.md"]
)
def test_every_damaged_file_is_named(folder, name):
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactError, match=f"{name}: the file is damaged"):
        load_artifact(folder)


def test_missing_file_is_named(folder):
    (folder / "past.json").unlink()
    with pytest.raises(ArtifactError, match=r"past\.json: the file is missing"):
        verify_artifact(folder)


def test_half_written_manifest_is_named(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(ArtifactError, match=r"manifest\.json: the file is damaged \(not JSON\)"):
        load_artifact(folder)


def test_another_format_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ArtifactError, match="not a predictor of format 2"):
        load_artifact(folder)


def test_existing_folder_is_never_overwritten(artifact, folder):
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(FileExistsError, match="p1 exists already"):
        publish_artifact(replace(artifact, strategy="tfidf"), folder=folder, card="")
    assert (folder / "manifest.json").read_bytes() == before


def test_failed_publishing_leaves_nothing_behind(artifact, tmp_path):
    broken = replace(artifact, manifest={"seed": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        publish_artifact(broken, folder=tmp_path / "p1", card="")
    assert list(tmp_path.iterdir()) == []

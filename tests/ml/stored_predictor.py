"""Predictor trained on simulated English tests, for all tests that need one."""

import pickle
from pathlib import Path

TINY_ENCODER = Path(__file__).parents[1] / "data" / "tiny_encoder"


def make_predictor(draft):
    """Train a predictor into a new folder: its files in `p1`, the pickled outcome in `result`."""
    # Torch takes seconds of a core, and only the first process of a run needs it.
    from ml.encoders.sentence_encoder import load_encoder  # noqa: PLC0415
    from tests.ml.factories import learnable_rows, train_in  # noqa: PLC0415

    rows = learnable_rows(locale="en", audience="new")
    result = train_in(draft / "p1", rows, encoder=load_encoder(str(TINY_ENCODER)))
    (draft / "result").write_bytes(pickle.dumps(result))

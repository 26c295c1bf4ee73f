"""History rows and contrast groups for the predictor's tests."""

import numpy as np

from ml.dataset.groups import Arms, build_groups
from ml.history.row import HistoryRow


def arm_row(test="t1", text="Go", visitors=1000, clicks=50, **changes):
    """One arm of one test."""
    values = {"test": test, "context": "", "text": text, "visitors": visitors, "clicks": clicks}
    return HistoryRow(**(values | changes))


def groups_of(*rows):
    """The contrast groups of the rows."""
    return build_groups(rows).groups


def arms_of(group, visitors, clicks, texts=None):
    """Arms as arrays from plain lists."""
    return Arms(
        texts=tuple(texts or (f"text {position}" for position in range(len(group)))),
        group=np.array(group, dtype=np.int64),
        visitors=np.array(visitors, dtype=np.float64),
        clicks=np.array(clicks, dtype=np.float64),
    )

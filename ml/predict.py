"""Facade of the predictor for the rest of the product.

A web process can import this module without loading torch: heavy modules are imported inside the
functions that need them. `train`, `evaluate`, `compare_transfer`, `learning_curves` and
`rank_wordings` belong in a worker or a command. Results are
JSON-able, apart from the types exported here.
"""

from ml.application.copy_advice import (
    inspect,
    is_no_wording,
    measure_principles,
    principles_of,
    suggest,
)
from ml.application.predictions import (
    accepted_tokens,
    active_damage,
    active_number,
    active_summary,
    ask_scoring_service,
    rank_list,
    rank_wordings,
    scoring_answers,
    token,
)
from ml.application.predictor_loading import PredictorError
from ml.application.training import (
    Progress,
    TrainingOutcome,
    archived_rows,
    compare_transfer,
    evaluate,
    learning_curves,
    new_contrasts,
    roll_back,
    train,
)
from ml.presentation.descriptions import (
    describe,
    describe_stage,
    describe_strategy,
    describe_suggestion,
    describe_transfer,
)
from ml.scoring.context import (
    PAGE_LENGTH,
    PAGE_WORDINGS,
    InvalidRankingRequestError,
    RankingRequest,
)

__all__ = [
    "PAGE_LENGTH",
    "PAGE_WORDINGS",
    "InvalidRankingRequestError",
    "PredictorError",
    "Progress",
    "RankingRequest",
    "TrainingOutcome",
    "accepted_tokens",
    "active_damage",
    "active_number",
    "active_summary",
    "archived_rows",
    "ask_scoring_service",
    "compare_transfer",
    "describe",
    "describe_stage",
    "describe_strategy",
    "describe_suggestion",
    "describe_transfer",
    "evaluate",
    "inspect",
    "is_no_wording",
    "learning_curves",
    "measure_principles",
    "new_contrasts",
    "principles_of",
    "rank_list",
    "rank_wordings",
    "roll_back",
    "scoring_answers",
    "suggest",
    "token",
    "train",
]

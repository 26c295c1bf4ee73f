"""Facade of the predictor for the rest of the product.

A web process can import this module without loading torch: heavy modules are imported inside the
functions that need them. `train`, `evaluate`, `compare_transfer`, `learning_curves`,
`rank_wordings`, `update_meaning_index` and `find_by_meaning` belong in a worker or a command.
Results are JSON-able, apart from the types exported here.
"""

from ml.application.copy_advice import (
    inspect,
    is_no_wording,
    measure_principles,
    principles_of,
    suggest,
    trait_names,
    verb_form_names,
    verb_form_of,
)
from ml.application.encoders import (
    INSTALLABLE,
    FractionProgress,
    ListedEncoder,
    absent_encoders,
    encoder_fields,
    install_encoder,
    list_encoders,
    plan_encoder,
    remove_encoder,
)
from ml.application.meaning_search import (
    MeaningQuestion,
    ask_by_meaning,
    find_by_meaning,
    update_meaning_index,
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
    keep_learning_curves,
    learning_curves,
    new_contrasts,
    roll_back,
    train,
)
from ml.encoders.installed import InstallationPlan
from ml.presentation.descriptions import (
    describe,
    describe_confirmation,
    describe_stage,
    describe_strategy,
    describe_suggestion,
    describe_transfer,
)
from ml.presentation.learning_curve_text import curve_rows, more_tests_sentences
from ml.scoring.context import (
    PAGE_LENGTH,
    PAGE_WORDINGS,
    InvalidRankingRequestError,
    RankingRequest,
)
from ml.scoring.manifest import LearningCurveRecord

__all__ = [
    "INSTALLABLE",
    "PAGE_LENGTH",
    "PAGE_WORDINGS",
    "FractionProgress",
    "InstallationPlan",
    "InvalidRankingRequestError",
    "LearningCurveRecord",
    "ListedEncoder",
    "MeaningQuestion",
    "PredictorError",
    "Progress",
    "RankingRequest",
    "TrainingOutcome",
    "absent_encoders",
    "accepted_tokens",
    "active_damage",
    "active_number",
    "active_summary",
    "archived_rows",
    "ask_by_meaning",
    "ask_scoring_service",
    "compare_transfer",
    "curve_rows",
    "describe",
    "describe_confirmation",
    "describe_stage",
    "describe_strategy",
    "describe_suggestion",
    "describe_transfer",
    "encoder_fields",
    "evaluate",
    "find_by_meaning",
    "inspect",
    "install_encoder",
    "is_no_wording",
    "keep_learning_curves",
    "learning_curves",
    "list_encoders",
    "measure_principles",
    "more_tests_sentences",
    "new_contrasts",
    "plan_encoder",
    "principles_of",
    "rank_list",
    "rank_wordings",
    "remove_encoder",
    "roll_back",
    "scoring_answers",
    "suggest",
    "token",
    "train",
    "trait_names",
    "update_meaning_index",
    "verb_form_names",
    "verb_form_of",
]

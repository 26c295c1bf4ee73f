import pytest

from ml.scoring.context import (
    MOST_WORDINGS,
    Context,
    InvalidRankingRequestError,
    RankingRequest,
)


def test_fields_that_are_not_stated_are_empty_and_others_are_left_aside():
    fields = {"wordings": ["Go"], "control": None, "locale": "fr", "slot_pk": 3}
    assert RankingRequest.from_fields(fields) == RankingRequest(
        wordings=("Go",), context=Context(locale="fr")
    )


@pytest.mark.parametrize("wordings", [("Go",) * (MOST_WORDINGS + 1), ("Go", 1)], ids=["many", "1"])
def test_request_beyond_the_limits_is_refused(wordings):
    with pytest.raises(InvalidRankingRequestError, match="at most 1000 strings"):
        RankingRequest(wordings=wordings)

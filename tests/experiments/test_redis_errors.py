import pytest
from redis import exceptions

from experiments.redis_errors import is_lost_connection, redis_error


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (exceptions.ConnectionError(), True),
        (exceptions.BusyLoadingError(), True),
        (exceptions.TimeoutError(), True),
        (exceptions.OutOfMemoryError(), False),
        (exceptions.ResponseError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_of_the_client_is_known_as_such(error, is_lost):
    assert isinstance(error, redis_error())
    assert is_lost_connection(error) is is_lost


def test_error_of_something_else_is_none_of_redis():
    assert not isinstance(TimeoutError(), redis_error())

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.event_schema.ids import day_of, first_id, first_id_at, milliseconds_of, stored_id

AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the zone comes with `timezones`
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def test_version_7_is_kept_as_it_was_sent():
    sent = UUID("01a2008d-7400-7000-8000-000000000001")
    assert stored_id(sent, at=AT) == sent


@pytest.mark.parametrize("version", [1, 4])
def test_other_versions_become_7_and_a_retry_gets_the_same(version):
    sent = UUID(int=12_345, version=version)
    stored = stored_id(sent, at=AT)
    assert stored.version == 7
    assert stored == stored_id(sent, at=AT)
    assert day_of(stored) == date(2026, 11, 22)


def test_ids_that_differ_stay_different():
    ids = {stored_id(UUID(int=n, version=4), at=AT) for n in range(1_000)}
    assert len(ids) == 1_000


@given(moments, st.uuids(version=4))
def test_id_lies_between_the_bounds_of_its_day(at, sent):
    stored = stored_id(sent, at=at)
    assert first_id(at.date()) <= stored < first_id(at.date() + timedelta(days=1))
    assert first_id_at(at) <= stored
    assert abs(milliseconds_of(stored) / 1000 - at.timestamp()) < 0.002

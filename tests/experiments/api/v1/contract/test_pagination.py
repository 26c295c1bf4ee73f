import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from experiments.api.v1.contract.pagination import MAX_LIMIT, BoundedPagination
from experiments.models import Slot
from tests import factories


def page(query):
    request = Request(APIRequestFactory().get(f"/?{query}"))
    return BoundedPagination().paginate_queryset(Slot.objects.all(), request)


def test_pages_are_cut_by_limit_and_offset(site):
    slots = [factories.make_slot(site, key) for key in "abc"]
    assert page("") == slots
    assert page("limit=1&offset=1") == slots[1:2]
    assert page(f"limit={MAX_LIMIT}&offset=1000") == []


@pytest.mark.parametrize("query", ["limit=0", f"limit={MAX_LIMIT + 1}", "offset=-1", "limit=NaN"])
def test_number_out_of_range_is_refused(db, query):
    with pytest.raises(ValidationError) as refused:
        page(query)
    assert set(refused.value.detail) == {query.split("=")[0]}


def test_bounds_are_documented():
    parameters = BoundedPagination().get_schema_operation_parameters(None)
    limit = next(one for one in parameters if one["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, MAX_LIMIT)

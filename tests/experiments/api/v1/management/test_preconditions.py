from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from experiments.api.v1.management.preconditions import (
    PreconditionFailedError,
    etag_of,
    is_conditional,
    refuse_if_changed,
)

ROW = {"name": "Hero", "share": Decimal("0.5"), "at": datetime(2026, 11, 28, tzinfo=UTC)}


def asked(**headers):
    return Request(APIRequestFactory().patch("/", headers=headers))


def test_tag_is_that_of_the_content_whatever_its_order():
    turned = dict(reversed(ROW.items()))
    assert etag_of(ROW) == etag_of(turned)
    assert etag_of(ROW) != etag_of(ROW | {"name": "hero"})


@pytest.mark.parametrize("wanted", [etag_of(ROW), "*", f'"x", {etag_of(ROW)}', None])
def test_same_state_or_none_named_passes(wanted):
    refuse_if_changed(asked(**({"If-Match": wanted} if wanted else {})), ROW)


@pytest.mark.parametrize("wanted", ['"x"', f"W/{etag_of(ROW)}", "", "é", etag_of(ROW)[1:-1]])
def test_other_state_is_refused_with_the_present_tag(wanted):
    request = asked(**{"If-Match": wanted})
    assert is_conditional(request)
    with pytest.raises(PreconditionFailedError, match=etag_of(ROW)[1:-1]):
        refuse_if_changed(request, ROW)

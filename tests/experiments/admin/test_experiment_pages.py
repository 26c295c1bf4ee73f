import pytest
from django.http import Http404

from experiments.admin.experiment_pages import readable_experiment, url_of


def test_address_names_the_page_and_what_follows(draft):
    page = f"/admin/experiments/experiment/{draft.pk}"
    assert url_of("report", draft) == f"{page}/report/"
    assert url_of("step", draft, "start") == f"{page}/step/start/"


def test_experiment_is_found_by_those_who_may_see_it(rf, draft, owner, stranger):
    request = rf.get("/")
    request.user = owner
    assert readable_experiment(request, draft.pk) == draft
    request.user = stranger
    with pytest.raises(Http404):
        readable_experiment(request, draft.pk)

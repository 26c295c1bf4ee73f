"""The commands about digests of visitors."""

import io
import sys

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from experiments.event_schema.digests import visitor_digest
from experiments.models import Event
from experiments.services.catalogue.site_secrets import form_of_visitors, site_secret
from experiments.services.events.suppression_list import refuse_visitor
from tests import factories
from tests.experiments.management.test_commands import called


def test_ids_of_all_sites_are_replaced(running_experiment, other_site):
    factories.make_event(running_experiment.variants.get(key="b"))
    site = running_experiment.slot.site
    out, _ = called("digest_visitors")
    assert out.splitlines() == [
        f"{key}: visitors are digests. Replaced: {n} in the events of a day each, 0 in experiments."
        for key, n in (("rival", 0), ("shop", 1))
    ]
    assert Event.objects.get().visitor == visitor_digest(site_secret(site.pk), "v-1")


def test_only_the_named_site_changes(site, other_site):
    called("digest_visitors", "rival")
    assert (form_of_visitors(site.pk), form_of_visitors(other_site.pk)) == ("as_sent", "digests")
    with pytest.raises(CommandError, match="There is no site 'none'"):
        called("digest_visitors", "none")


def test_it_says_until_when_old_erasures_count(site):
    refuse_visitor(site_id=site.pk, visitor="v-1", now=timezone.now())
    with pytest.raises(CommandError, match="shop: visitors were erased before the upgrade"):
        called("digest_visitors")


def test_digests_are_written_beside_the_ids(site, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO('v-1\r\n"a,b"\n'))
    out, _ = called("visitor_digests", site="shop")
    key = site_secret(site.pk)
    quoted = visitor_digest(key, '"a,b"')
    rows = ["id,visitor", f"v-1,{visitor_digest(key, 'v-1')}", f'"""a,b""",{quoted}', ""]
    assert out == "\n".join(rows)


@pytest.mark.parametrize(("text", "reason"), [("v-1\n\n", "Line 2: "), ("x" * 201, "Line 1: ")])
def test_what_is_no_id_is_named_by_its_line(site, monkeypatch, text, reason):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    with pytest.raises(CommandError, match=reason):
        called("visitor_digests", site="shop")


def test_digests_of_no_site_are_refused(db):
    with pytest.raises(CommandError, match="There is no site 'none'"):
        called("visitor_digests", site="none")

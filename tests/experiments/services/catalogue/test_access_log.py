import pytest

from experiments.models import AccessRecord
from experiments.services.catalogue.access_log import COMMAND_LINE, Actor, Kind, record_access
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.mark.parametrize(
    ("by", "key", "expected"),
    [
        (COMMAND_LINE, "", ""),
        (Actor(server_key="crm (ctaopt_ab…)"), "", "crm (ctaopt_ab…)"),
        (Actor(server_key="crm (ctaopt_ab…)"), "old (ctaopt_cd…)", "old (ctaopt_cd…)"),
    ],
)
def test_record_names_the_key_that_acted_or_was_changed(site, by, key, expected):
    record_access(site, Kind.ERASED, at=NOW, by=by, key=key, note="events: 3")
    record = AccessRecord.objects.get()
    assert (record.site, record.at, record.author) == (site, NOW, None)
    assert (record.key, record.note) == (expected, "events: 3")

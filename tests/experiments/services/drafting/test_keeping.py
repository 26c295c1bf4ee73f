from experiments.services.drafting.keeping import keep, open_row
from tests import factories
from tests.factories import NOW


def test_person_has_one_open_row(owner):
    assert open_row(person=owner, now=NOW) == open_row(person=owner, now=NOW)


def test_content_is_kept_without_what_no_database_stores(owner):
    row = open_row(person=owner, now=NOW)
    assert keep(typed=row, content={"name": ["a\x00b\ud800c"]}, now=NOW)
    row.refresh_from_db()
    assert row.content == {"name": ["abc"]}


def test_row_of_a_made_experiment_stays(owner, slot):
    row = open_row(person=owner, now=NOW)
    row.experiment = factories.make_experiment(slot)
    row.save()
    assert not keep(typed=row, content={"name": ["late"]}, now=NOW)
    assert open_row(person=owner, now=NOW) != row

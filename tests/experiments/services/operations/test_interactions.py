import pytest

from experiments import tasks
from experiments.models import Exclusion, Experiment, Interaction, VisitorOutcome
from experiments.selectors.interactions import interactions_of
from experiments.services.operations import interactions
from experiments.services.operations.interactions import check_interactions
from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.services.counted_experiments import concluded
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
# Visitors and clicks of control and b by the arm of the other experiment.
MIXED = {(0, 0): (600, 100), (0, 1): (600, 100), (1, 0): (600, 100), (1, 1): (600, 400)}
ADDITIVE = {(0, 0): (600, 100), (0, 1): (600, 100), (1, 0): (600, 200), (1, 1): (600, 200)}


@pytest.fixture
def pair(slot):
    """Two running experiments of the shop."""
    footer = factories.make_slot(slot.site, "footer")
    return (
        factories.make_running_experiment(slot, "top"),
        factories.make_running_experiment(footer, "bottom"),
    )


def meet(one, other, cells, **changes):
    """Visitors of both; the clicks are those of the first."""
    arms, others = list(one.variants.order_by("arm")), list(other.variants.order_by("arm"))
    rows = []
    for (arm, other_arm), (visitors, clicks) in cells.items():
        for number in range(visitors):
            visitor = f"{arm}-{other_arm}-{number}"
            common = {"visitor": visitor, "day": NOW.date(), "has_converted": False, "value": 0}
            for variant, has_clicked in ((arms[arm], number < clicks), (others[other_arm], False)):
                row = {"experiment": variant.experiment, "variant": variant}
                rows.append(VisitorOutcome(**(common | row | changes), has_clicked=has_clicked))
    VisitorOutcome.objects.bulk_create(rows, batch_size=500)


def test_interaction_is_found_and_shown_on_both_reports(pair):
    meet(*pair, MIXED)
    (found,) = check_interactions(now=NOW)
    assert (found.experiment, found.arm.key, found.other_arm.experiment) == (pair[0], "b", pair[1])
    assert found.factor == pytest.approx(4)
    assert found.visitors == 2_400
    for experiment in pair:
        assert [row.pk for row in interactions_of(experiment)] == [Interaction.objects.get().pk]
        (row,) = report_as_json(concluded(experiment))["interactions"]
        assert (row["experiment"], row["other_experiment"]) == ("top", "bottom")


def test_effects_that_add_up_are_no_interaction(pair):
    meet(*pair, ADDITIVE)
    assert check_interactions(now=NOW) == []


def test_visitors_who_are_left_out_count_in_no_cell(pair):
    meet(*pair, MIXED, exclusion=Exclusion.BOT)
    assert check_interactions(now=NOW) == []


def test_new_check_replaces_the_old_one(pair):
    meet(*pair, MIXED)
    check_interactions(now=NOW)
    VisitorOutcome.objects.update(has_clicked=True)
    assert check_interactions(now=NOW) == []
    assert not Interaction.objects.exists()


def test_interaction_stays_with_the_report_of_an_experiment_that_has_ended(pair):
    meet(*pair, MIXED)
    check_interactions(now=NOW)
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": NOW}
    Experiment.objects.filter(key="bottom").update(**ended)
    assert check_interactions(now=NOW) == []
    assert Interaction.objects.count() == 1


def test_experiments_with_changed_shares_are_left_out(pair):
    meet(*pair, MIXED)
    factories.make_phases(pair[1], ([0.9, 0.1], 1), ([0.5, 0.5], 1))
    assert check_interactions(now=NOW) == []


def test_large_experiments_are_left_out(pair, monkeypatch):
    meet(*pair, MIXED)
    factories.make_rollup(pair[0].variants.first(), visitors=10)
    monkeypatch.setattr(interactions, "MOST_VISITORS", 9)
    assert check_interactions(now=NOW) == []


def test_experiments_of_two_sites_never_meet(pair, other_site):
    meet(*pair, MIXED)
    elsewhere = factories.make_slot(other_site)
    Experiment.objects.filter(key="bottom").update(slot=elsewhere)
    assert check_interactions(now=NOW) == []


def test_alpha_is_shared_over_all_tests(slot, pair):
    meet(*pair, MIXED)
    alone = check_interactions(now=NOW)[0].p_value
    menu = factories.make_slot(slot.site, "menu")
    third = factories.make_running_experiment(menu, "third")
    variants = {row.key: row for row in third.variants.all()}
    VisitorOutcome.objects.bulk_create(
        VisitorOutcome(
            experiment=third,
            variant=variants["b" if int(row.visitor.split("-")[2]) % 2 else "control"],
            visitor=row.visitor,
            day=row.day,
            has_clicked=False,
            has_converted=False,
            value=0,
        )
        for row in VisitorOutcome.objects.filter(experiment=pair[0])
    )
    shared = min(row.p_value for row in check_interactions(now=NOW))
    # top x bottom alone had one test with enough clicks; top x third is a second.
    assert shared == pytest.approx(2 * alone)


def test_task_checks_by_the_clock(pair):
    meet(*pair, MIXED)
    tasks.check_interactions()
    assert Interaction.objects.count() == 1

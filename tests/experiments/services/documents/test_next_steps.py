from experiments.services.documents.first_screen import first_screen
from experiments.services.documents.next_steps import next_steps
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count


def steps_of(experiment):
    full = concluded(experiment)
    return full, next_steps(full, first_screen(full))


def test_winner_is_to_be_shown_and_its_statistics_stand_in_the_evidence(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    full, next_ = steps_of(running_experiment)
    (day,) = [row.proven.day for row in full.report.comparisons]
    proven = f"Proven on {day.day} {day:%b %Y}."
    assert next_.steps == ("Show it to everybody, and end the test.", proven)
    assert "plausibly" in next_.in_evidence[0]
    assert next_.in_evidence[0] == full.verdict.sentences[0]
    assert not any("plausibly" in step for step in next_.steps)


def test_winner_of_an_ended_test_is_only_to_be_shown(running_experiment):
    running_experiment.status, running_experiment.stopped_at = "stopped", factories.NOW
    running_experiment.save()
    count(running_experiment, (10_000, 500), (10_000, 700))
    assert steps_of(running_experiment)[1].steps[0] == "Show it to everybody."


def test_caution_that_the_first_screen_has_is_in_the_evidence(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    full, next_ = steps_of(running_experiment)
    curse = [text for text in full.verdict.cautions if "look better than they are" in text]
    assert len(curse) == 1
    assert curse[0] in next_.in_evidence
    assert curse[0] not in next_.cautions
    assert {*next_.cautions, *next_.in_evidence} >= set(full.verdict.cautions)


def test_nothing_is_lost_of_a_verdict(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 410))
    full, next_ = steps_of(running_experiment)
    assert full.verdict.status == "keep_running"
    assert (next_.steps, next_.in_evidence) == (full.verdict.sentences, ())


def test_worse_wording_leads_to_the_control(running_experiment):
    count(running_experiment, (10_000, 700), (10_000, 500))
    _full, next_ = steps_of(running_experiment)
    assert next_.steps[0] == "Show the control to everybody, and end the test."


def test_draft_asks_for_nothing(draft):
    assert steps_of(draft)[1].steps == ()

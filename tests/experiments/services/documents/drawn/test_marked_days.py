from datetime import timedelta

from experiments.services.documents.drawn.report_pictures import report_pictures
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW


def test_changes_of_the_test_are_marked_at_their_days(running_experiment):
    for back in range(6):
        day = (NOW - timedelta(days=back)).date()
        count(running_experiment, (1_000, 50), (1_000, 75), day=day)
    for back, kind in (
        (5, "start"), (4, "shares"), (4, "ramp"), (3, "pause"), (2, "resume"), (2, "freeze"),
        (1, "arm_off"),
    ):  # fmt: skip
        running_experiment.changes.create(kind=kind, at=NOW - timedelta(days=back))
    pictures = {one.name: one for one in report_pictures(concluded(running_experiment))}
    for name in ("cumulative-rates", "daily-rates", "visitors", "sequence"):
        assert {
            "2026-11-18": "Shares changed, Step of the ramp",
            "2026-11-19": "Paused",
            "2026-11-20": "Resumed",
            "2026-11-21": "Arm rolled back",
        }.items() <= {mark["day"]: mark["text"] for mark in pictures[name].options["marks"]}.items()
        assert pictures[name].words.endswith(
            " Changes of the test: 18 Nov 2026 Shares changed, Step of the ramp; 19 Nov 2026 "
            "Paused; 20 Nov 2026 Resumed; 21 Nov 2026 Arm rolled back. 1 earlier change is in its "
            "history."
        )

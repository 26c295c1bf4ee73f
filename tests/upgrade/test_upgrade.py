"""An installation of an earlier commit goes on after an upgrade, and says what it said.

The stored installation is made by `make_fixture.py`, and so is what the old code says of it:
reports before and after the waiting events are counted, scores, jobs, an erased visitor's event.
"""

import re

import pytest

from tests.upgrade import old_installation as old

pytestmark = pytest.mark.slow

# Other processors and libraries differ in the last digits: a little in sums, more in networks.
SAME, SAME_SCORES = 1e-9, 1e-5
# Differences that are meant, by a pattern of their path: each with its reason.
INTENDED = {
    r"/\d+/result/suggestions: ": (
        "past winners of the same offer only, claims marked, no two statements of time, since"
    ),
    "/banner-test/guardrails/3/state: 'harmed' -> 'unclear'": (
        "a fixed plan is not read before its visitors are there, guardrails included: the rule of "
        "the verdict, which the state follows since"
    ),
    r"/[\w-]+/(arms/\d+/is_rolled_back|guardrails/\d+/is_of_successes|strict_guardrails): "
    "'absent' -> (True|False)$": "arms are rolled back alone; strict guardrails: fields since",
    r"/[\w-]+/arms/\d+/(all_(clicks|conversions)|capped_visitors|repeated_orders): 'absent' -> ": (
        "said since: several of a visitor, values above the cap, orders that repeat"
    ),
    r"/[\w-]+/slot_plans/(guardrails|planned_visitors): 'absent' -> ": (
        "a draft says what its guardrails cost: fields since"
    ),
    "/banner-test/guardrails/[01]/bounds/1: ": (
        "the bound that shows harm is wider: arms and guardrails share alpha since"
    ),
    "/banner-test/guardrails/[23]/bounds: .* -> None$": (
        "fewer than 40 visitors of the pair have converted: values have that floor since"
    ),
    r"/(hero|menu)-test/(omnibus/(p_value|statistic|test)|insights/exact): ": (
        "all arms are tested within phases since; the exact panel, which cannot be, is left out"
    ),
    r"/(hero|menu)-test/(guardrails|comparisons|insights/lifts|insights/time_left|beliefs)/": (
        "arms are compared within phases since"
    ),
    r"/[\w-]+/(annotations|code_version|decision|meetings|missing_goals|value_cap|days_in|ends_when_planned|interactions|plan_review|planned_visitors_basis|"
    r"secondary_metrics|bursts|repeated_orders|time_zone|phases|plan_state|verdict_needs|insights/health/unknown_phase_visitors|"
    r"insights/health/time/\d/valid|insights/lifts/\d/stagewise|insights/segments/\d+/valid): "
    "'absent' -> ": "fields since",
    r"/[\w-]+/insights/segments/\d+/result/correction: 'holm' -> 'absent'": (
        "segments are one family, tested at every look, since"
    ),
    r"/[\w-]+/insights/health/srm_search": "sources are searched within phases since",
    r"/[\w-]+/srm/(p_value|statistic): ": "the check holds at every look since",
    r"/(hero|menu)-test/verdict/sentences/0: 'Sample-ratio mismatch": "of that check",
    r"/[\w-]+/verdict/sentences: \[('“.+?” has \d+ visitors; a verdict needs 100\.'(, )?)+\] -> "
    r"\['3 wordings have too few visitors \(the fewest, \d+, “.+?”\); a verdict needs 100 of "
    r"each\.'\]$": "arms that lack the same are one sentence since",
    r"/[\w-]+/insights/health/time/\d/weekdays/(p_value|reason): ": "they hold at every look since",
    r"/[\w-]+/insights/time_left/(days|visitors)_left: ": "the plan's boundary is narrower since",
    r"/[\w-]+/beliefs/\d/chance_of_best_with_prior: 'absent' -> ": "a field since",
    r"/[\w-]+/beliefs/\d/(against_control|chance_of_best): .* -> None$": (
        "the flat prior is shown at the plan's end only, since"
    ),
    r"/[\w-]+/beliefs/\d/against_control: \{": (
        "the flat prior is shown at the plan's end only, since"
    ),
    r"/footer-test/verdict/(cautions|status|title): ": "a pause has a status of its own since",
    r"/old-test/verdict/(status|title): ": "a test stopped early has a status of its own since",
    "/[^/]+/currencies: 'absent' -> ": "said since: the conversions by their currency",
    # Without the covariate it says what it said.
    r"/menu-test/(?!comparisons/\d+/unadjusted)(?!arms|days).*: [-e.\d]+ -> ": (
        "what a visitor did in the last 10 minutes before the first exposure is no past since"
    ),
    r"/wordings/\d+/checks/\d+/message: ": (
        "sentences for people, put more plainly since; the codes beside them are the same"
    ),
}


@pytest.fixture(scope="module")
def said():
    return old.expected()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request, tmp_path):
    """The address of a copy of the old database, upgraded."""
    if request.param == "sqlite":
        return old.upgraded_sqlite(tmp_path / "site.sqlite3")
    return old.upgraded_postgres(request.getfixturevalue("postgres_server"), "upgraded")


@pytest.fixture
def upgraded(database, tmp_path):
    """What the upgraded installation says."""
    return old.read_out(folder=old.unpack_folders(tmp_path / "data"), database=database)


def differences(before, after, *, within, path=""):
    """Yield the path of everything that is not the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            pair = (before.get(key, "absent"), after.get(key, "absent"))
            yield from differences(*pair, within=within, path=f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, within=within, path=f"{path}/{index}")
    elif isinstance(before, float) and isinstance(after, float):
        if after != pytest.approx(before, rel=within, abs=within):
            yield f"{path}: {before} -> {after}"
    elif before != after:
        yield f"{path}: {before!r} -> {after!r}"


def in_todays_shape(report):
    """Return the figures of a report that both versions have, where the present one has them.

    The fixed figures were on top of a comparison and are below `fixed` since; the decisive ones
    follow a new boundary, and the corrected ones another correction.
    """
    kept = ("effect", "lift", "p_value")
    comparisons = [
        {name: row[name] for name in ("arm", "key", "text")}
        | {name: row.get("fixed", row)[name] for name in kept}
        for row in report["comparisons"]
    ]
    return report | {"comparisons": comparisons}


def unexpected(found):
    """The differences that nobody meant."""
    return sorted(one for one in found if not any(re.match(path, one) for path in INTENDED))


def test_everything_is_as_before(upgraded, said):
    reports = ("reports as found", "reports")
    for name in reports:
        before, after = (
            {key: in_todays_shape(report) for key, report in one[name].items()}
            for one in (said, upgraded)
        )
        found = differences(before, after, within=SAME)
        assert unexpected(found) == [], name
    # The fixture asks something: the waiting batch changes a report.
    assert upgraded["reports as found"] != upgraded["reports"]
    rest = ("late event of the erased visitor", "differences of the recount")
    assert {name: upgraded[name] for name in rest} == {name: said[name] for name in rest}
    found = differences(said["scores"], upgraded["scores"], within=SAME_SCORES)
    assert unexpected(found) == []
    jobs = upgraded["jobs"]
    assert jobs["messages"] == 3 * ["experiments.tasks.do_job"]
    found = differences(said["jobs"]["ends"], jobs["ends"], within=SAME_SCORES)
    assert unexpected(found) == []
    assert {job["status"] for job in jobs["ends"]} == {"done"}


def test_erased_visitor_stays_erased(said):
    """What the fixture compares is the refusal, not an event that no installation would take."""
    late = said["late event of the erased visitor"]
    assert late["stored"] == {"v-erased": 0, "v-not-erased": 1}


@pytest.mark.redis
def test_entry_of_the_old_stream_is_stored(redis_server, said, tmp_path):
    client = redis_server.client()
    client.flushall()
    # Read by a consumer of the old code, which the upgrade ended before it stored anything.
    client.xadd("ctaopt:events", {b"e": old.STREAM.read_bytes()})
    client.xgroup_create("ctaopt:events", "storage", id="0")
    assert client.xreadgroup("storage", "gone", {"ctaopt:events": ">"})
    database = old.upgraded_sqlite(tmp_path / "site.sqlite3")
    upgraded = old.recount(
        folder=old.unpack_folders(tmp_path / "data"),
        database=database,
        CTAOPT_EVENTS_URL=redis_server.url(),
    )
    assert upgraded["streamed"] == said["streamed"] > 5
    assert client.xlen("ctaopt:events") == client.xlen("ctaopt:events:dead") == 0

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from ml.dataset.contrast_groups import build_groups, center_in_group, normalise_text, stack_arms
from ml.history.reading import read_history
from tests.ml.factories import arm_row, groups_of


def test_equal_wordings_are_pooled_after_normalising():
    (group,) = groups_of(
        arm_row(text="Découvrir", visitors=100, clicks=5),
        arm_row(text="De\u0301couvrir ", visitors=50, clicks=2),
        arm_row(text="découvrir", visitors=10, clicks=1),
    )
    assert group.texts == ("Découvrir", "découvrir")
    assert (group.visitors, group.clicks) == ((150, 10), (7, 1))


@pytest.mark.parametrize("field", ["test", "context", "audience", "locale", "form", "placement"])
def test_arms_that_differ_in_more_than_wording_are_not_compared(field):
    dataset = build_groups([arm_row(text="A"), arm_row(text="B", **{field: "other"})])
    assert (len(dataset.groups), dataset.single_text) == (0, 2)


def test_groups_that_compare_nothing_are_counted():
    dataset = build_groups(
        [
            arm_row(test="one text", text="A"),
            arm_row(test="one text", text="A"),
            arm_row(test="unseen arm", text="A"),
            arm_row(test="unseen arm", text="B", visitors=0, clicks=0),
            arm_row(test="no clicks", text="A", clicks=0),
            arm_row(test="no clicks", text="B", clicks=0),
        ]
    )
    assert (dataset.groups, dataset.single_text, dataset.no_clicks) == ((), 2, 1)


def test_group_is_suspect_when_one_arm_is_and_keeps_every_asset():
    (group,) = groups_of(arm_row(text="A", group="g1"), arm_row(text="B", group="g2", suspect=True))
    assert group.suspect
    assert group.assets == {"g1", "g2"}


def test_replicate_noise_is_pearsons_chi_squared_of_the_pooled_arms():
    counts = [(1000, 50), (1200, 90), (900, 40)]
    rows = [arm_row(text="A", visitors=n, clicks=c) for n, c in counts]
    dataset = build_groups([*rows, arm_row(text="B")])
    table = [[c for _, c in counts], [n - c for n, c in counts]]
    assert dataset.replicate_chi2 == pytest.approx(chi2_contingency(table).statistic)
    assert dataset.replicate_dof == 2


def test_replicate_noise_leaves_suspect_groups_out():
    rows = [arm_row(text="A", clicks=c, suspect=True) for c in (10, 90)]
    assert build_groups(rows).replicate_dof == 0


def test_arms_are_stacked_group_after_group():
    arms = stack_arms(
        groups_of(
            arm_row(test="1", text="A", clicks=1),
            arm_row(test="2", text="C", clicks=3),
            arm_row(test="1", text="B", clicks=2),
            arm_row(test="2", text="D", clicks=4),
        )
    )
    assert arms.texts == ("A", "B", "C", "D")
    assert arms.group.tolist() == [0, 0, 1, 1]
    assert arms.clicks.tolist() == [1, 2, 3, 4]
    assert (arms.n_groups, stack_arms([]).n_groups) == (2, 0)


def test_centring_removes_each_groups_mean_in_every_column():
    rng = np.random.default_rng(1)
    group = np.array([0, 0, 0, 1, 1])
    centered = center_in_group(rng.normal(size=(5, 2)) + group[:, None] * 100, group)
    np.testing.assert_allclose(centered[:3].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(centered[3:].mean(axis=0), 0, atol=1e-12)


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    assert normalise_text(normalise_text(text)) == normalise_text(text)


@pytest.mark.needs_shared
def test_archive_gives_the_published_counts(upworthy_csv):
    dataset = build_groups(read_history(upworthy_csv, "upworthy").rows)
    sound = [group for group in dataset.groups if not group.suspect]
    assert (len(sound), sum(len(group.texts) for group in sound)) == (1_432, 6_064)
    assert dataset.replicate_chi2 / dataset.replicate_dof == pytest.approx(2.2, abs=0.05)

"""Analysts' tables against pandas, scipy and statsmodels, which compute from the same files."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.table_analysis import analyze_table, choose_columns
from experiments.stats.engine.table_rows import ArmTableError
from tables.reading import open_table

FIXED = {"method": "fixed", "correction": "none"}


@pytest.fixture
def visitors():
    """One row a visitor: 4,000 of them, 30 days, rare and skewed revenue."""
    rng = np.random.default_rng(20261128)
    n = 4_000
    is_b = rng.random(n) < 0.5
    clicked = rng.random(n) < np.where(is_b, 0.13, 0.10)
    revenue = np.where(rng.random(n) < 0.08, rng.lognormal(3, 1, n), 0).round(2)
    days = pd.Timestamp("2026-10-01") + pd.to_timedelta(rng.integers(0, 30, n), "D")
    return pd.DataFrame(
        {
            "user_id": [f"u{at}" for at in range(n)],
            "date": days,
            "variante": np.where(is_b, "B", "témoin"),
            "cliqué": np.where(clicked, "oui", "non"),
            "CA": revenue,
        }
    )


def written(frame, path, *, french=False):
    options = {"sep": ";", "decimal": ",", "encoding": "cp1252"} if french else {}
    if path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        form = "%d/%m/%Y" if french else "%Y-%m-%d"
        frame.to_csv(path, index=False, date_format=form, **options)
    return open_table(path)


def answer_of(table, options=FIXED, *, chosen=None, metrics=(), **further):
    return analyze_table(
        table, choose_columns(table, chosen or {}, metrics=metrics), options, **further
    )


def two(frame, name):
    return frame.loc[frame.variante == "B", name], frame.loc[frame.variante == "témoin", name]


def comparison(answer, metric):
    (found,) = [one for one in answer["metrics"] if one["metric"] == metric]
    return found["result"]["comparisons"][0]


@pytest.mark.parametrize(
    ("name", "french"),
    [("t.csv", False), ("t.csv", True), ("t.xlsx", False)],
    ids=["csv", "french csv", "xlsx"],
)
def test_row_a_visitor_has_the_p_values_of_scipy_and_statsmodels(visitors, tmp_path, name, french):
    answer = answer_of(written(visitors, tmp_path / name, french=french))
    treated, control = two(visitors, "cliqué")
    counts = [(treated == "oui").sum(), (control == "oui").sum()]
    _, p_value = proportions_ztest(counts, [len(treated), len(control)])
    assert comparison(answer, "cliqué")["p_value"] == pytest.approx(p_value, rel=1e-9)
    treated, control = two(visitors, "CA")
    welch = stats.ttest_ind(treated, control, equal_var=False)
    row = comparison(answer, "CA")
    assert row["p_value"] == pytest.approx(welch.pvalue, rel=1e-6)
    assert row["effect"] == pytest.approx(treated.mean() - control.mean(), rel=1e-9)
    read = answer["read_as"]
    assert (read["control"], read["rows"], read["visitors"]) == ("témoin", 4_000, 4_000)
    assert (read["days"], read["first_day"]) == (30, "2026-10-01")


def test_interval_of_the_effect_is_that_of_statsmodels(visitors, tmp_path):
    answer = answer_of(written(visitors, tmp_path / "t.csv"), {**FIXED, "relative": False})
    treated, control = two(visitors, "CA")
    means = CompareMeans(DescrStatsW(treated), DescrStatsW(control))
    expected = means.tconfint_diff(usevar="unequal")
    assert comparison(answer, "CA")["interval"] == pytest.approx(expected, rel=1e-6)


def test_capped_values_are_those_of_numpy(visitors, tmp_path):
    answer = answer_of(written(visitors, tmp_path / "t.csv"), cap=40.0)
    treated, control = (np.minimum(values, 40) for values in two(visitors, "CA"))
    welch = stats.ttest_ind(treated, control, equal_var=False)
    assert comparison(answer, "CA")["p_value"] == pytest.approx(welch.pvalue, rel=1e-6)


def test_rows_of_a_visitor_are_added_up_and_visitors_of_two_arms_left_out(visitors, tmp_path):
    """One row an order: the variance is that of visitors, not of orders."""
    orders = pd.concat([visitors, visitors.sample(900, random_state=1)], ignore_index=True)
    crossed = visitors.head(7).assign(
        variante=lambda rows: rows.variante.map({"B": "témoin", "témoin": "B"})
    )
    answer = answer_of(written(pd.concat([orders, crossed]), tmp_path / "t.csv"))
    kept = orders[~orders.user_id.isin(crossed.user_id)]
    by_visitor = kept.groupby("user_id").agg(variante=("variante", "first"), CA=("CA", "sum"))
    welch = stats.ttest_ind(*two(by_visitor, "CA"), equal_var=False)
    assert comparison(answer, "CA")["p_value"] == pytest.approx(welch.pvalue, rel=1e-6)
    assert answer["read_as"]["visitors_of_several_arms_left_out"] == 7
    assert answer["read_as"]["visitors"] == 4_000 - 7


def daily(visitors):
    """One row a day and arm, of the same visitors."""
    groups = visitors.groupby(["date", "variante"])
    frame = groups.agg(
        Visiteurs=("user_id", "size"), Clics=("cliqué", lambda x: (x == "oui").sum())
    )
    return frame.reset_index().rename(columns={"date": "Jour", "variante": "Bras"})


def test_row_a_day_and_arm_is_read_at_every_day_as_the_row_a_visitor(visitors, tmp_path):
    options = {"method": "sequential", "planned_n": 4_000}
    of_days = answer_of(written(daily(visitors), tmp_path / "d.csv", french=True), options)
    of_visitors = answer_of(written(visitors, tmp_path / "v.csv"), options)
    assert comparison(of_days, "Clics") == comparison(of_visitors, "cliqué")
    assert of_days["metrics"][0]["looks"] == 30
    assert of_days["read_as"]["date_order"] == "day first"


def test_days_are_the_looks_of_the_same_request(visitors, tmp_path):
    """Independently summed by pandas."""
    frame = daily(visitors)
    counts = frame.pivot(index="Jour", columns="Bras", values=["Visiteurs", "Clics"])
    until = counts.fillna(0).cumsum()
    looks = [
        {
            "arms": [
                {"name": arm, "n": int(row["Visiteurs", arm]), "sum": int(row["Clics", arm])}
                for arm in ("témoin", "B")
            ]
        }
        for _, row in until.iterrows()
    ]
    request = {"metric": "proportion", "arms": looks[-1]["arms"], "looks": looks[:-1]}
    answer = answer_of(written(frame, tmp_path / "d.csv"), {})
    assert answer["metrics"][0]["result"] == json.loads(json.dumps(analyze(request)))


def test_campaigns_of_one_row_each(tmp_path):
    path = tmp_path / "campagnes.csv"
    path.write_text(
        "Campagne;Envois;Clics;Achats;Taux de clic\n"
        "Objet A;12 800;512;96;4,0 %\nObjet B;12 900;580;99;4,5 %\n"
    )
    answer = answer_of(open_table(path))
    assert [one["metric"] for one in answer["metrics"]] == ["Clics", "Achats"]
    _, p_value = proportions_ztest([580, 512], [12_900, 12_800])
    assert comparison(answer, "Clics")["p_value"] == pytest.approx(p_value, rel=1e-9)
    assert answer["metrics"][0]["looks"] == 1


def test_many_days_are_thinned_evenly_and_end_at_the_same_sums(tmp_path):
    path = tmp_path / "long.csv"
    days = pd.date_range("2020-01-01", periods=1_500).strftime("%Y-%m-%d")
    rows = [f"{day},{arm},10,1" for day in days for arm in "AB"]
    path.write_text("\n".join(["date,arm,visitors,clicks", *rows]))
    (metric,) = answer_of(open_table(path), {})["metrics"]
    assert 700 < metric["looks"] <= 1_000
    assert metric["arms"][0]["n"] == 15_000


HEADER = "arm,visitors,clicks"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER, "A,100,5", "B,100,101"], "line 3: clicks: 101 is more than the row's visitors"),
        ([HEADER, "A,100,5", "B,100,x"], "line 3: clicks: 'x' is not a number"),
        ([HEADER, "A,100,5", ",100,9"], "line 3: has no arm"),
        ([HEADER, "A,100,5", "B,100"], "line 3: has other cells than the header: 2, not 3"),
        ([HEADER, "A,100,-1", "B,100,9"], "line 2: clicks: '-1' is negative"),
        ([HEADER, 'A,"1.000",5', "B,900,9"], "line 2: visitors: '1.000' may be"),
        (
            [HEADER, "A,9,5", "B,9,5", "Total,18,10"],
            "line 4: 'Total' is no arm but a row of totals",
        ),
        ([HEADER, "A,100,5", "A,100,9"], "there are fewer than two arms: A"),
        (["clics,n", "5,100"], "there is no column 'arm'"),
        (["arm,visitors,clicks,clicks", "A,9,1,1"], "column 'clicks' is there twice"),
        (["arm,visitors", "A,9", "B,9"], "no column is chosen to be compared"),
        (["day,arm,visitors,clicks", "03/04/2026,A,9,1", "03/05/2026,B,9,2"], "may be two dates"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path, lines, message):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    table = open_table(path)
    with pytest.raises(ArmTableError) as refusal:
        answer_of(table, metrics=["clicks"] if "clicks" in lines[0] else ())
    assert message in str(refusal.value)


def test_value_in_rows_of_counts_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("arm,visitors,revenue\nA,100,50.5\nB,100,70.25\n")
    with pytest.raises(ArmTableError, match="a table needs one row a visitor"):
        answer_of(open_table(path), metrics=["revenue"])


def test_named_columns_win_over_guesses(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "variant,page,users,clicks\nx,home,50,5\ny,home,50,6\nx,shop,50,7\ny,shop,50,8\n"
    )
    answer = answer_of(open_table(path), chosen={"arm": "page"}, control="shop")
    assert [arm["name"] for arm in answer["metrics"][0]["arms"]] == ["shop", "home"]
    assert [arm["sum"] for arm in answer["metrics"][0]["arms"]] == [15, 11]


def test_empty_cells_are_read_as_0_and_counted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("arm,revenue\nA,3.5\nA,\nB,2\nB,4\n")
    answer = answer_of(open_table(path))
    assert answer["read_as"]["empty_read_as_0"] == 1
    assert [arm["mean"] for arm in answer["metrics"][0]["arms"]] == [1.75, 3]

import json

import duckdb
import pytest
from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder

from experiments.models import Experiment, Rollup
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.report_json import report_as_json
from experiments.warehouse.engines import WarehouseError, open_warehouse
from tests.experiments.management.test_commands import called
from tests.factories import NOW

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")


def test_report_is_that_of_the_stored_rollups(crowd, time_machine):
    time_machine.move_to(NOW, tick=False)
    out, _ = called("analyze_warehouse", "hero-test", "popup-test", url=f"parquet:{crowd}")
    experiments = [Experiment.objects.get(key=key) for key in ("hero-test", "popup-test")]
    stored = [report_as_json(full_report(experiment=one, now=NOW)) for one in experiments]
    assert [json.loads(line) for line in out.splitlines()] == json.loads(
        json.dumps(stored, cls=DjangoJSONEncoder)
    )


def test_compare_names_what_differs(crowd):
    url = f"parquet:{crowd}"
    assert "hero-test: equal" in called("analyze_warehouse", "hero-test", url=url, compare=True)[0]
    row = Rollup.objects.filter(experiment__key="hero-test", segment="", visitors__gt=1).first()
    Rollup.objects.filter(pk=row.pk).update(visitors=row.visitors + 1)
    with pytest.raises(CommandError, match="1 sums of hero-test differ") as caught:
        called("analyze_warehouse", "hero-test", url=url, compare=True)
    assert caught.value.returncode == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://127.0.0.1/shop", "is none of parquet, duckdb, postgres"),
        ("nonsense", "is none of"),
        ("parquet:/no/such/folder", "no Parquet file at '/no/such/folder'"),
        ("duckdb:/no/such/file.duckdb", "IOException"),
        ("postgres://127.0.0.1:1/shop", "OperationalError"),
    ],
)
def test_unreachable_warehouse_is_named(running_experiment, url, reason):
    with pytest.raises(CommandError, match=reason):
        called("analyze_warehouse", "hero-test", url=url)


def test_unknown_table_is_named(tmp_path):
    duckdb.connect(tmp_path / "empty.duckdb").close()
    with (
        pytest.raises(WarehouseError, match="clicks"),
        open_warehouse(f"duckdb:{tmp_path / 'empty.duckdb'}", table="clicks"),
    ):
        pass


def test_unknown_experiment_is_named(running_experiment, tmp_path):
    with pytest.raises(CommandError, match="no experiment 'gone'"):
        called("analyze_warehouse", "hero-test", "gone", url=f"parquet:{tmp_path}")


def test_unknown_variant_is_refused(crowd):
    Experiment.objects.get(key="hero-test").variants.filter(key="b").update(key="renamed")
    with pytest.raises(CommandError, match="the events name 'b', which is not here"):
        called("analyze_warehouse", "hero-test", url=f"parquet:{crowd}")

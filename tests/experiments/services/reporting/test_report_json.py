import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.services.counted_experiments import concluded, counted
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


def test_report_as_json_holds_plain_numbers(site):
    content = report_as_json(concluded(factories.make_library_experiment(site)))
    text = json.dumps(content, cls=DjangoJSONEncoder, allow_nan=False)
    assert json.loads(text)["omnibus"]["statistic"] == pytest.approx(96.743, abs=5e-4)


def test_report_as_json_labels_the_lift_to_expect(running_experiment):
    report = counted(running_experiment, (10_000, 500), (10_000, 700))
    (lift,) = report_as_json(concluded(report.experiment))["insights"]["lifts"]
    assert lift["expected"]["assumption"] == "weak_prior"
    assert lift["expected"]["prior"] == "normal(mean 0, sd 0.25)"
    low, high = lift["stagewise"]["interval"]
    assert low < lift["stagewise"]["lift"] < high
    assert lift["stagewise"]["crossed_on"] == NOW.date()

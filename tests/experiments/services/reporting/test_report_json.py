import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.services.counted_experiments import concluded

pytestmark = pytest.mark.on_both_databases


def test_report_as_json_holds_plain_numbers(site):
    content = report_as_json(concluded(factories.make_library_experiment(site)))
    text = json.dumps(content, cls=DjangoJSONEncoder, allow_nan=False)
    assert json.loads(text)["omnibus"]["statistic"] == pytest.approx(96.743, abs=5e-4)

import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


def reported(experiment):
    return report_of(experiment=reports.experiments_for_report().get(pk=experiment.pk), now=NOW)


def test_report_as_json_holds_plain_numbers(site):
    content = report_as_json(reported(factories.make_library_experiment(site)))
    text = json.dumps(content, cls=DjangoJSONEncoder, allow_nan=False)
    assert json.loads(text)["omnibus"]["statistic"] == pytest.approx(96.743, abs=5e-4)

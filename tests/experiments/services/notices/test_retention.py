from datetime import timedelta

import pytest

from experiments import tasks
from experiments.models import Delivery, Notice
from experiments.services.notices.retention import drop_old_notices
from tests.experiments.services.notices.conftest import make_reader, told
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_notices_go_after_a_year_with_their_deliveries(running_experiment):
    notice = told(running_experiment)
    Delivery.objects.create(notice=notice, user=make_reader(), next_at=NOW)
    assert drop_old_notices(now=NOW + timedelta(days=365)) == 0
    assert drop_old_notices(now=NOW + timedelta(days=366)) == 1
    assert not Delivery.objects.exists()


def test_task_drops_them(running_experiment):
    notice = told(running_experiment)
    Notice.objects.filter(pk=notice.pk).update(at=NOW - timedelta(days=3_000))
    tasks.drop_notices()
    assert not Notice.objects.exists()

from experiments.models import Event
from experiments.services.serving.internal_traffic import internal_traffic

NOBODY = internal_traffic(networks=[], visitors=[])


def test_visitor_of_the_house_is_internal():
    own = internal_traffic(networks=[], visitors=["staff-", "test-"])
    assert own.visitor_flags("staff-7") == own.visitor_flags("test-") == Event.Flag.INTERNAL
    assert own.visitor_flags("v-staff-7") == NOBODY.visitor_flags("staff-7") == 0

"""Page of an audience: its visitors, chosen from lists, with an estimate of how many."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from experiments.admin.editing.condition_field import ConditionField, ConditionWidget
from experiments.admin.task_pages.fields import KeyFromName, begin_with_only_site
from experiments.admin.task_pages.page import Question, Task, Uses, tests_with
from experiments.models import Audience


class AudiencePageForm(KeyFromName):
    """An audience whose conditions are chosen; those that lists cannot express stay as they are."""

    condition = ConditionField(
        label=_("Conditions"), required=False, widget=ConditionWidget(offers_json=False)
    )

    class Meta:
        model = Audience
        fields = ("site", "name", "condition", "key")
        labels: ClassVar = {"name": _("Name of the audience")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        begin_with_only_site(self)


def _uses(request: HttpRequest, audience: Audience) -> list[Uses]:
    return [tests_with("audience", audience)]


AUDIENCE = Task(
    form=AudiencePageForm,
    new_title=_("New audience"),
    intro=_("An audience says for which visitors a test is. Without one it is for everybody."),
    questions=(
        Question(
            title=_("Who is in it?"),
            fields=("site", "name", "summary", "condition"),
            term="audience",
            explains=_("What is an audience?"),
        ),
        Question(title=_("Details"), fields=("key",), is_folded=True),
    ),
    uses=_uses,
    typed_only=frozenset({"condition"}),
)

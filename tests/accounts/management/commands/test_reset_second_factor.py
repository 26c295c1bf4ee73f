import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.second_factor import has_second_factor
from tests.accounts.conftest import add_totp

pytestmark = pytest.mark.django_db


def test_command_resets_the_factor_of_the_named_person(ada):
    add_totp(ada)
    out = io.StringIO()
    call_command("reset_second_factor", "ada", stdout=out)
    assert "ada: removed 1." in out.getvalue()
    assert not has_second_factor(ada)


def test_unknown_name_is_said():
    with pytest.raises(CommandError, match="There is no account bob"):
        call_command("reset_second_factor", "bob")

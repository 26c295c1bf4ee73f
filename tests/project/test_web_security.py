import re
from pathlib import Path

import pytest
import unfold

from ctaopt.settings.web_security import content_security_policy
from tests import factories

pytestmark = pytest.mark.django_db


def policy_of(answer):
    directives = answer.headers["Content-Security-Policy"].split("; ")
    return {
        name: set(values.split()) for name, _, values in (one.partition(" ") for one in directives)
    }


@pytest.fixture
def page(client):
    client.force_login(factories.make_member(factories.make_site(), "owner"))

    def get(path):
        answer = client.get(path)
        return answer, policy_of(answer)

    return get


PATHS = ["/", "/admin/", "/account/login/", "/account/2fa/", "/api/docs/", "/api/v1/experiments/"]
PATHS += ["/admin/nowhere/", "/calculators/significance/"]


@pytest.mark.parametrize("path", PATHS)
def test_policy_stands_on_every_answer_of_django(page, path):
    _, policy = page(path)
    assert policy["default-src"] == policy["object-src"] == {"'none'"}
    assert policy["base-uri"] == policy["frame-ancestors"] == {"'none'"}
    assert policy["form-action"] == {"'self'"}
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "*" not in set().union(*policy.values())


@pytest.mark.parametrize("path", ["/", "/api/docs/"])
def test_page_for_visitors_makes_no_functions_of_texts(page, path):
    _, policy = page(path)
    assert "'unsafe-eval'" not in policy["script-src"]


def test_script_of_a_page_has_the_nonce_of_its_answer(page):
    nonces = set()
    for _ in range(2):
        answer, policy = page("/")
        (nonce,) = (one for one in policy["script-src"] if one.startswith("'nonce-"))
        assert f'<script nonce="{nonce[7:-1]}">' in answer.content.decode()
        nonces.add(nonce)
    assert len(nonces) == 2


def test_stream_of_changes_may_be_opened_where_it_is():
    policy = content_security_policy(stream_url="https://s.example.org:8443/ofrep/v1/stream")
    assert "https://s.example.org:8443" in policy["DIRECTIVES"]["connect-src"]
    assert content_security_policy(stream_url="")["DIRECTIVES"]["connect-src"] == ["'self'"]


# Attributes of Alpine that hold an expression.
EXPRESSION = re.compile(r'\s(?:x-(?!cloak|ref|teleport|transition)|@|:)[a-z:.-]+="')


def test_documentation_counts_what_needs_eval(pytestconfig):
    folder = Path(unfold.__file__).parent / "templates"
    counts = [len(EXPRESSION.findall(path.read_text())) for path in folder.rglob("*.html")]
    said = f"{sum(counts)} in {sum(map(bool, counts))} templates"
    assert said in (pytestconfig.rootpath / "docs" / "security.md").read_text()

"""What a running service answers visitors, asked without its own code."""

import json
from time import monotonic
from urllib.error import HTTPError
from urllib.request import Request, urlopen

WAIT_S = 240


def answer_of_the_service(live, key, visitor, language):
    """What a visitor is answered; None as long as the service knows no such key or slot."""
    body = json.dumps({"context": {"targetingKey": visitor, "locale": language}}).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    request = Request(f"{live.url}/ofrep/v1/evaluate/flags/top", body, headers)  # noqa: S310
    try:
        with urlopen(request) as answer:  # noqa: S310
            return json.load(answer)
    except HTTPError as error:
        if error.code not in (401, 404):
            raise
        return None


def shown_by_the_service(live, key, visitor, language):
    """The wording that a visitor is served."""
    answer = answer_of_the_service(live, key, visitor, language)
    return answer and answer["value"]["text"]


def wait_until_all_see(page, live, key, language, text):
    """Wait for the serving process, which looks at the configuration once a second."""
    deadline, attempt = monotonic() + WAIT_S, 0
    while True:
        names = (f"new-{attempt}-{number}" for number in range(30))
        found = {shown_by_the_service(live, key, name, language) for name in names}
        if found == {text}:
            return
        assert monotonic() < deadline, f"{found}, not “{text}”"
        attempt += 1
        page.wait_for_timeout(500)

import pytest

from ctaopt.observability.log_privacy import masked


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Not Found: /api/v1/visitors/v-17/", "Not Found: /api/v1/visitors/[masked]"),
        ("Not Found: /api/v1/visitors/Jean Dupont/7/", "Not Found: /api/v1/visitors/[masked]"),
        ('"DELETE /api/v1/visitors/v-17/ HTTP/1.1" 404', '"DELETE /api/v1/visitors/[masked]" 404'),
        ("/x?visitor=v-17&site=shop", "/x?visitor=[masked]&site=shop"),
        ("/x?a=1&ctaopt_preview=ey.J-0 end", "/x?a=1&ctaopt_preview=[masked] end"),
        ("/callback?code=4/0A&state=s", "/callback?code=[masked]&state=[masked]"),
        (
            'violates "event_pkey"\nDETAIL:  Key (visitor)=(v-17) already exists.\nnext',
            'violates "event_pkey"\nDETAIL:  [masked]\nnext',
        ),
        ("cannot reach postgres://ctaopt:s3cret@db/x", "cannot reach postgres://[masked]@db/x"),
        ("redis://:s3cret@db:6379/0", "redis://[masked]@db:6379/0"),
    ],
)
def test_what_is_personal_or_secret_is_masked(text, kept):
    assert masked(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Not Found: /api/v1/experiments/hero/",
        "exit code=1, key=hero",
        "http://localhost:8000/api/v1/",
        "redis://localhost:6379/0 does not answer",
        "folded 12 events",
    ],
)
def test_everything_else_stays(text):
    assert masked(text) == text

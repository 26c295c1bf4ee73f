from datetime import date, timedelta

import pytest

from experiments.services.deployment import settings_checks as subject


def found(findings):
    return {row.subject: (row.severity.name, row.text, row.remedy) for row in findings}


@pytest.fixture
def documented(settings):
    """The settings of docs/operations.md."""
    settings.ALLOWED_HOSTS = ["cta.example.org"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://cta.example.org"]
    settings.CTAOPT_PROXIES = 1
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = True
    settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECRET_KEY = "".join(chr(33 + n) for n in range(60))
    settings.SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    return settings


def test_documented_settings_are_clean(documented):
    findings = [*subject.deploy_findings(), *subject.https_findings()]
    assert {row.severity.name for row in findings} == {"OK"}, findings


def test_missing_https_is_named_once(documented):
    documented.SECURE_SSL_REDIRECT = False
    assert found(subject.deploy_findings())["deploy"][0] == "SKIPPED"
    severity, _, remedy = found(subject.https_findings())["https"]
    assert (severity, "CTAOPT_HTTPS=true" in remedy) == ("WARNING", True)


@pytest.mark.parametrize(
    ("changes", "about", "severity"),
    [
        ({"ALLOWED_HOSTS": ["*"]}, "hosts", "ERROR"),
        ({"ALLOWED_HOSTS": ["localhost"]}, "hosts", "WARNING"),
        ({"CSRF_TRUSTED_ORIGINS": []}, "origins", "WARNING"),
        ({"CTAOPT_PROXIES": 0}, "proxies", "WARNING"),
    ],
)
def test_doubtful_setting_is_named(documented, changes, about, severity):
    for name, value in changes.items():
        setattr(documented, name, value)
    assert found(subject.https_findings())[about][0] == severity


@pytest.mark.parametrize(
    ("days", "severity", "text"),
    [
        (90, "OK", "dropped after 90 days"),
        (756, "OK", "dropped after 756 days"),
        (757, "WARNING", "kept for 757 days"),
        (0, "WARNING", "never dropped"),
    ],
)
def test_events_that_are_kept_for_more_than_25_months_are_named(settings, days, severity, text):
    settings.CTAOPT_EVENT_DAYS = days
    finding = found(subject.retention_findings())["retention"]
    assert (finding[0], text in finding[1]) == (severity, True)


def test_most_days_are_within_any_25_months():
    """An event of the first minute of a day goes in the night after that day has had its time."""
    age = timedelta(days=subject.MOST_DAYS + 1, hours=2, minutes=30)
    months = [date(2024 + n // 12, n % 12 + 1, 1) for n in range(12 * 12)]
    spans = [end - start for start, end in zip(months, months[25:], strict=False)]
    assert age <= min(spans)


def test_deployment_check_of_django_is_passed_on(documented):
    documented.SESSION_COOKIE_SECURE = False
    assert "security.W012" in found(subject.deploy_findings())["deploy"][1]


def test_variables_that_the_settings_read_are_known():
    known = subject.known_variables()
    assert {"CTAOPT_DATA_DIR", "CTAOPT_HTTPS", "CTAOPT_PAYLOAD_CACHE_CONTROL"} <= known
    # A setting without a variable: setting that does nothing.
    assert "CTAOPT_MAX_BODY_BYTES" not in known


def test_misspelt_variable_is_named_with_what_was_meant():
    environment = {"CTAOPT_EVENT_URL": "redis://", "CTAOPT_HTTPS": "1", "PATH": "/bin"}
    (row,) = subject.variable_findings(environment, known=subject.known_variables())
    assert (row.text, row.remedy) == (
        "CTAOPT_EVENT_URL is read by nothing.",
        "Did you mean CTAOPT_EVENTS_URL?",
    )
    (row,) = subject.variable_findings({"CTAOPT_ZZZ": ""}, known={"CTAOPT_HTTPS"})
    assert row.remedy == "Remove it."

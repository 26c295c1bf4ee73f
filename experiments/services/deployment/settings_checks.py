"""Checks of the settings: Django's own for deployments, HTTPS and proxies, misspelt variables."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping

from django.conf import settings
from django.core import checks

from experiments.services.deployment.findings import Finding, error, ok, skipped, warning

READ = re.compile(r"\benv(?:\.\w+)?\(\s*\"(\w+)\"")
OURS = "CTAOPT_"
# 25 months, however short they are, with the day itself and the night after it.
MOST_DAYS = 756
LOCAL = {"localhost", "127.0.0.1", "[::1]"}


def settings_findings() -> Iterator[Finding]:
    yield from deploy_findings()
    yield from https_findings()
    yield from retention_findings()
    yield from variable_findings(os.environ, known=known_variables())


def deploy_findings() -> Iterator[Finding]:
    """Yield what `check --deploy` reports on security."""
    if not settings.SECURE_SSL_REDIRECT:
        # Each of its warnings has this one cause, which has a finding of its own.
        yield skipped("deploy", "check --deploy: not behind HTTPS.")
        return
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    for message in found:
        if not message.is_silenced():
            remedy = message.hint or "See `manage.py check --deploy`."
            yield warning("deploy", f"{message.id}: {message.msg}", remedy)
    if all(message.is_silenced() for message in found):
        yield ok("deploy", "check --deploy: no security warning.")


def https_findings() -> Iterator[Finding]:
    """Yield the findings on TLS, host names and proxies."""
    hosts = set(settings.ALLOWED_HOSTS) - LOCAL
    if "*" in hosts:
        yield error("hosts", "Any host name is answered.", "Name them in CTAOPT_ALLOWED_HOSTS.")
    elif not hosts:
        yield warning(
            "hosts",
            "The service answers to this machine's own names only.",
            "Set CTAOPT_ALLOWED_HOSTS to the host name of visitors.",
        )
    else:
        yield ok("hosts", f"Answers to {', '.join(sorted(hosts))}.")
    if not settings.SECURE_SSL_REDIRECT:
        yield warning(
            "https",
            "Cookies and passwords may travel in clear.",
            "Put a TLS proxy that sets X-Forwarded-Proto in front, then CTAOPT_HTTPS=true.",
        )
        return
    yield ok("https", "Cookies are secure, and browsers are kept on HTTPS.")
    if not settings.CSRF_TRUSTED_ORIGINS:
        yield warning(
            "origins",
            "No origin of the admin is trusted: forms may be refused behind a proxy.",
            "Set CTAOPT_TRUSTED_ORIGINS, such as https://cta.example.org.",
        )
    if settings.CTAOPT_PROXIES == 0:
        yield warning(
            "proxies",
            "No proxy is counted: every visitor seems to have the proxy's address.",
            "Set CTAOPT_PROXIES to the number of proxies of your own.",
        )


def retention_findings() -> Iterator[Finding]:
    """Yield the finding on how long events that name visitors are kept."""
    days = settings.CTAOPT_EVENT_DAYS
    if 0 < days <= MOST_DAYS:
        yield ok("retention", f"Events are dropped after {days} days.")
        return
    kept = f"kept for {days} days" if days else "never dropped"
    yield warning(
        "retention",
        f"Events, which name visitors, are {kept}.",
        f"Set CTAOPT_EVENT_DAYS={MOST_DAYS} or less: 25 months are the most for the CNIL.",
    )


def known_variables() -> set[str]:
    """Return the variables that the settings read, from their source."""
    folder = settings.BASE_DIR / "ctaopt" / "settings"
    return {name for path in folder.glob("*.py") for name in READ.findall(path.read_text("utf-8"))}


def variable_findings(environment: Mapping[str, str], *, known: set[str]) -> Iterator[Finding]:
    """Yield the variables of ours that nothing reads, with the name that was meant."""
    # Set by our own processes for their children.
    private = {"CTAOPT_GENERATION_FILE"}
    unknown = sorted(
        name for name in environment if name.startswith(OURS) and name not in known | private
    )
    for name in unknown:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        meant = f"Did you mean {near[0]}?" if near else "Remove it."
        yield warning("variables", f"{name} is read by nothing.", meant)
    if not unknown:
        yield ok("variables", "Every CTAOPT_ variable is known.")

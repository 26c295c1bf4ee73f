"""A superuser's way through every page that links lead to, for the tests that look at all pages."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Error

from tests.accounts.conftest import PASSWORD

# Pixels by which a page is wider than its screen.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Rules of accessibility that the page breaks, each with its places; axe-core has been loaded.
AXE = """
axe.run({ resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`)))
"""
STARTS = ["/", "/admin/", "/account/2fa/", "/account/sessions/", "/account/password/", "/api/docs/"]
STARTS += ["/calculators/significance/", "/calculators/sample-size/", "/calculators/traffic-split/"]
PERSON = f"""
from django.contrib.auth.models import User
for name in ("ada", "grace"):
    User.objects.create_superuser(name, password="{PASSWORD}")
"""
# What changes something or ends the visit, what is no page, and the pages of MkDocs.
LEFT_OUT = re.compile(r"/logout/|/jsi18n/|/download/|\.js$|/i18n/|/api/schema/|^/docs/")


class AdminVisit:
    """A browser in which a superuser logs in and follows links."""

    def __init__(self, context, demo):
        # localhost: security keys belong to a name, not to an address.
        self.url = demo.url.replace("127.0.0.1", "localhost")
        self.page = context.new_page()
        self.where = ""

    def open(self, path):
        self.where = path
        answer = self.page.goto(f"{self.url}{path}", wait_until="load")
        self.page.wait_for_timeout(100)
        return answer

    def log_in(self, name="ada"):
        self.open("/account/login/?next=/admin/")
        self.page.fill("[name=login]", name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")

    def links(self):
        """The paths that the page leads to."""
        found = self.page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
        return [
            parts.path + (f"?{parts.query}" if parts.query else "")
            for parts in map(urlsplit, found)
            if parts.scheme == "http" and f"http://{parts.netloc}" == self.url
        ]

    def walk(self, starts=STARTS):
        """Open every page that links lead to, one of a kind; yield its path and its answer."""
        waiting, seen = list(starts), {kind_of(path) for path in starts}
        while waiting:
            path = waiting.pop()
            try:
                answer = self.open(path)
            except Error:  # A download.
                continue
            assert answer.status < 400, (path, answer.status)
            if "text/html" not in answer.headers.get("content-type", ""):
                continue
            links = self.links()
            yield path, answer
            for link in links:
                if not LEFT_OUT.search(link) and kind_of(link) not in seen:
                    seen.add(kind_of(link))
                    waiting.append(link)


def kind_of(path):
    """Pages of one kind differ in the row, or in a choice of the list; each is seen once."""
    path, _, query = path.partition("?")
    names = sorted(pair.partition("=")[0] for pair in query.split("&")) if query else []
    return re.sub(r"/\d+/", "/N/", path), tuple(name for name in names if name in {"_popup"})

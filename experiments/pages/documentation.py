"""The documentation at /docs/: built by MkDocs when it is first needed, served under our policy."""

import mimetypes
import re
from pathlib import Path

from csp.constants import NONCE, SELF
from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from experiments.services.deployment.documentation import built_site

SCRIPT = re.compile(rb"<script(?=[ >])")
# Names with a digest of the content.
DIGESTED = re.compile(r"\.[0-9a-f]{8}\.min\.(?:js|css)$")
A_YEAR = "max-age=31536000, public, immutable"


@csp_replace({"script-src": [SELF, NONCE]})
@gzip_page
@require_safe
def documentation(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer with a file of the site; a folder with its page."""
    if "\0" in path:
        raise Http404
    site = built_site()
    file = (site / path).resolve()
    if not file.is_relative_to(site):
        raise Http404
    if file.is_dir():
        if path and not path.endswith("/"):
            return HttpResponseRedirect(f"{request.path}/")
        file = file / "index.html"
    if not file.is_file():
        raise Http404
    return _answer(request, file)


def _answer(request: HttpRequest, file: Path) -> HttpResponse:
    content, kind = file.read_bytes(), mimetypes.guess_type(file.name)[0]
    if file.suffix == ".html":
        nonce = str(getattr(request, "csp_nonce", ""))
        content = SCRIPT.sub(f'<script nonce="{nonce}"'.encode(), content)
    response = HttpResponse(content, content_type=kind or "application/octet-stream")
    response["Cache-Control"] = A_YEAR if DIGESTED.search(file.name) else "no-cache"
    return response

"""The Content-Security-Policy of every page."""

from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

# Scripts in a page need its nonce; no handler in markup runs at all.
PLAIN_SCRIPTS = [SELF, NONCE]


def content_security_policy(*, stream_url: str) -> dict[str, dict[str, list[object]]]:
    """Return the policy of the admin's pages; other pages allow less.

    Args:
        stream_url: Address of the stream of changes, which the demo's page may open; "" for none.
    """
    parts = urlsplit(stream_url)
    streams = [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []
    return {
        "DIRECTIVES": {
            "default-src": [NONE],
            # Alpine, with which the theme is built, makes functions of its attributes.
            "script-src": [*PLAIN_SCRIPTS, UNSAFE_EVAL],
            # Style attributes, and the style elements of the theme and of htmx.
            "style-src": [SELF, UNSAFE_INLINE],
            # The code to scan for an authenticator app, and icons in style sheets.
            "img-src": [SELF, "data:"],
            "font-src": [SELF],
            "connect-src": [SELF, *streams],
            "manifest-src": [SELF],
            "object-src": [NONE],
            "base-uri": [NONE],
            "form-action": [SELF],
            "frame-ancestors": [NONE],
        }
    }

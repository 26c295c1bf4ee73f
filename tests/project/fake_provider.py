"""A small provider of OpenID Connect on loopback, which lets everybody in as `person` says."""

import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.end_to_end.fake_service import Server

CLIENT = "ctaopt-client"


class FakeProvider(Server):
    """`person`: the claims of whoever logs in there."""

    def __init__(self):
        self.person = {"sub": "1", "email": "ada@example.org", "email_verified": True}
        self.tokens_asked = []
        super().__init__(_Handler, self)


class _Handler(BaseHTTPRequestHandler):
    def setup(self):
        super().setup()
        self.server.connections.append(self.connection)

    def do_GET(self):
        provider = self.server.owner
        path = urlsplit(self.path).path
        if path == "/.well-known/openid-configuration":
            self.reply(
                {
                    "issuer": provider.origin,
                    "authorization_endpoint": f"{provider.origin}/authorize",
                    "token_endpoint": f"{provider.origin}/token",
                    "userinfo_endpoint": f"{provider.origin}/userinfo",
                    "jwks_uri": f"{provider.origin}/jwks",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )
        elif path == "/userinfo":
            self.reply(provider.person)

    def do_POST(self):
        provider = self.server.owner
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        provider.tokens_asked.append({key: one[0] for key, one in parse_qs(body).items()})
        claims = {**provider.person, "iss": provider.origin, "aud": CLIENT, "exp": 2**33}
        token = jwt.encode(claims, "a secret of the provider, 32 bytes", algorithm="HS256")
        self.reply({"access_token": "t", "token_type": "Bearer", "id_token": token})

    def reply(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

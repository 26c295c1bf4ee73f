"""nginx and Caddy on loopback with the documented configurations, before a real installation."""

import datetime
import os
import shutil
import subprocess
import sys
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from time import monotonic, sleep

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from experiments.management.preflight import free_port
from tests.databases import migrated_sqlite
from tests.end_to_end.live_service import UnixConnection, wait_for_port, wait_for_server

PROJECT = Path(__file__).resolve().parents[2]
ROWS = """
import django
django.setup()
from django.contrib.auth.models import User
from tests import factories
User.objects.create_superuser("ada", password="correct horse battery")
site = factories.make_site()
factories.make_slot(site)
factories.make_server_key(site)
"""


class Certificate:
    """A self-signed certificate for localhost, as two files."""

    def __init__(self, folder):
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        self.certificate.write_bytes(made.public_bytes(encoding))
        self.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


class Installation:
    """The service with the settings that the configurations name, on a socket."""

    def __init__(self, folder, https_port):
        self.folder, self.socket = folder, folder / "web.socket"
        self.database = folder / "data" / "ctaopt.sqlite3"
        origin = f"https://localhost:{https_port}"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
            "CTAOPT_DATA_DIR": str(folder / "data"),
            "CTAOPT_HTTPS": "true",
            "CTAOPT_PROXIES": "1",
            "CTAOPT_ALLOWED_HOSTS": "localhost",
            "CTAOPT_TRUSTED_ORIGINS": origin,
        }
        self.environment.pop("DATABASE_URL", None)
        migrated_sqlite(self.database)
        self._run("manage.py", "collectstatic", "--noinput", "--verbosity", "0")
        self._run("-c", ROWS)
        self.process = self._start("-m", "ctaopt.serve", "--uds", self.socket, "--workers", "1")
        wait_for_server(lambda: UnixConnection(self.socket))
        self._wait_for_pages()

    def _wait_for_pages(self, seconds=120):
        """Wait for the process that serves pages, which starts after evaluations are answered."""
        deadline = monotonic() + seconds
        while True:
            with closing(UnixConnection(self.socket)) as connection:
                connection.request("GET", "/account/login/", headers={"Host": "localhost"})
                if connection.getresponse().status != 503:
                    return
            assert monotonic() < deadline, (self.folder / "web.log").read_text()
            sleep(0.1)

    def _run(self, *command):
        arguments = [sys.executable, *map(str, command)]
        subprocess.run(arguments, cwd=PROJECT, env=self.environment, check=True)

    def _start(self, *command):
        with (self.folder / "web.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=240)


def nginx_around(text, folder):
    """Write a configuration of nginx, given what it serves, that needs no other folder."""
    main = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    places = " ".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;"
        f"{user} events {{}} http {{ access_log off; {places}\n{text}}}"
    )
    return main


class Nginx:
    package = "nginx-light"
    program = "nginx"

    def __init__(self, folder, ports, certificate, socket, **changes):
        text = (PROJECT / "deploy" / "nginx.conf").read_text()
        changed = {
            "listen 80;": f"listen 127.0.0.1:{ports[0]};",
            "listen 443 ssl;": f"listen 127.0.0.1:{ports[1]} ssl;",
            "https://$http_host$request_uri": f"https://localhost:{ports[1]}$request_uri",
            "cta.example.org;": "localhost;",
            "/etc/ctaopt/tls.crt": str(certificate.certificate),
            "/etc/ctaopt/tls.key": str(certificate.key),
            "/run/ctaopt/web.socket": str(socket),
        }
        site = folder / "site.conf"
        site.write_text(replaced(text, changed | changes))
        main = nginx_around(f"include {site};", folder)
        self.process = started([self.program, "-p", str(folder), "-c", str(main)], folder, ports)


class Caddy:
    package = program = "caddy"

    def __init__(self, folder, ports, certificate, socket, **changes):
        text = (PROJECT / "deploy" / "Caddyfile").read_text()
        changed = {
            "{\n\tservers {": f"{{\n\tadmin off\n\thttp_port {ports[0]}\n\thttps_port {ports[1]}\n"
            "\tauto_https disable_redirects\n\tservers {",
            "http://cta.example.org {": f"http://localhost:{ports[0]} {{",
            "\ncta.example.org {": f"\nhttps://localhost:{ports[1]} {{\n"
            f"\ttls {certificate.certificate} {certificate.key}",
            "https://{hostport}{uri}": f"https://localhost:{ports[1]}{{uri}}",
            "unix//run/ctaopt/web.socket": f"unix/{socket}",
        }
        file = folder / "Caddyfile"
        file.write_text(replaced(text, changed | changes))
        command = [self.program, "run", "--config", str(file), "--adapter", "caddyfile"]
        self.process = started(command, folder, ports)


def replaced(text, changes):
    """Put the test's addresses where the documented ones are."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def started(command, folder, ports):
    environment = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    for port in ports:
        wait_for_port(port)
    return process


def is_installed(kind):
    return shutil.which(kind.program) is not None


def free_ports():
    return free_port(), free_port()

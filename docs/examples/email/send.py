"""E-mails with a tested CTA: the arm is chosen when a mail is written and tagged in its link.

CTAOPT_URL=https://cta.example.org CTAOPT_KEY=SERVER_KEY \
    python send.py recipients.csv outbox --slot spring-mail --landing https://shop.example/spring

Writes a mail (.eml) for each recipient, and the exposures, which are sent at the end: a mail that
was sent counts as seen, for a picture that tells would be blocked by half of the readers and loaded
ahead by the mail programs of the others. Run again after a failure: the same events count once.
"""

import argparse
import csv
import json
import os
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

SENDER = "Boutique <bonjour@shop.example>"
Flag = dict[str, Any]


def post(path: str, content: Any) -> Any:
    headers = {"Content-Type": "application/json", "X-API-Key": os.environ["CTAOPT_KEY"]}
    body = json.dumps(content).encode()
    request = Request(os.environ["CTAOPT_URL"] + path, body, headers)  # noqa: S310
    with urlopen(request, timeout=10) as response:  # noqa: S310
        return json.load(response)


def tagged(landing: str, flag: Flag, visitor: str) -> str:
    """Return the landing page's address with what `landing.js` reports."""
    tags = {"cta_slot": flag["key"], "cta_variant": flag["variant"], "cta_visitor": visitor}
    if "experiment" in flag["metadata"]:
        tags["cta_experiment"] = flag["metadata"]["experiment"]
    return f"{landing}?{urlencode(tags)}"


def mail(recipient: dict[str, str], flag: Flag, link: str) -> EmailMessage:
    message, value = EmailMessage(), flag["value"]
    message["From"], message["To"], message["Subject"] = SENDER, recipient["email"], "Printemps"
    message.set_content(f"{value['text']} : {link}\n")
    attributes = f'href="{escape(link)}" lang="{value["locale"]}" dir="{value["dir"]}"'
    html = f"<p>Bonjour !</p><p><a {attributes}>{escape(value['text'])}</a></p>"
    message.add_alternative(html, subtype="html")
    return message


def exposure(flag: Flag, visitor: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "type": "exposure",
        "slot": flag["key"],
        "visitor": visitor,
        "variant": flag["variant"],
        "experiment": flag["metadata"]["experiment"],
        "phase": flag["metadata"]["phase"],
        "at": datetime.now(UTC).isoformat(),
    }


def write(recipients: Path, folder: Path, *, slot: str, landing: str) -> None:
    """Write the mails, and beside each its exposure, unless an earlier run has."""
    folder.mkdir(exist_ok=True)
    with recipients.open(newline="") as file:
        for row in csv.DictReader(file):
            # Your own pseudonymous number; never the address itself.
            visitor, path = row["id"], folder / f"{row['id']}.eml"
            if path.exists():
                continue
            context = {"targetingKey": visitor, "locale": row["locale"]}
            flag = post(f"/ofrep/v1/evaluate/flags/{slot}", {"context": context})
            if "experiment" in flag["metadata"]:
                path.with_suffix(".json").write_text(json.dumps(exposure(flag, visitor)))
            path.write_bytes(bytes(mail(row, flag, tagged(landing, flag, visitor))))


def report(folder: Path, *, batch: int = 200) -> None:
    events = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    for start in range(0, len(events), batch):
        print(post("/api/v1/events", {"events": events[start : start + batch]}))  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("recipients", type=Path, help="CSV with id, email, locale")
    parser.add_argument("folder", type=Path, help="where the mails go")
    parser.add_argument("--slot", required=True)
    parser.add_argument("--landing", required=True, help="address of the landing page")
    arguments = parser.parse_args()
    write(arguments.recipients, arguments.folder, slot=arguments.slot, landing=arguments.landing)
    report(arguments.folder)

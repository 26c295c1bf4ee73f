import json

import pytest
from django.core.management import CommandError, call_command

from tests.experiments.services.counted_experiments import count


@pytest.fixture
def experiment(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 520))
    return running_experiment


def test_export_writes_json_to_the_standard_output(experiment, capfdbinary):
    call_command("export_experiment", experiment.key)
    assert json.loads(capfdbinary.readouterr().out)["experiment"] == experiment.key


def test_export_writes_a_french_csv_to_a_file(experiment, tmp_path):
    path = tmp_path / "report.csv"
    call_command(
        "export_experiment",
        experiment.key,
        "--format=csv",
        "--language=fr",
        f"--output={path}",
    )
    heading = path.read_text("utf-8-sig").splitlines()[0]
    assert heading.startswith("Variante;Formulation;Part;Visiteurs;Clics")


def test_export_takes_a_view_as_an_address_has_it(experiment, capfdbinary):
    call_command("export_experiment", experiment.key, "--view=arm=control&against=b")
    view = json.loads(capfdbinary.readouterr().out)["view"]
    assert (view["arm"], view["against"]) == ("control", "b")


def test_export_of_a_view_without_sense_is_refused(experiment):
    with pytest.raises(CommandError, match=r"arm: Choose one of: control, b\."):
        call_command("export_experiment", experiment.key, "--view=arm=z")


def test_export_of_an_unknown_experiment_is_refused(db):
    with pytest.raises(CommandError, match="There is no experiment 'nowhere'"):
        call_command("export_experiment", "nowhere")


def test_export_to_no_folder_is_refused(experiment, tmp_path):
    target = f"--output={tmp_path / 'none' / 'report.csv'}"
    with pytest.raises(CommandError, match="No such file or directory"):
        call_command("export_experiment", experiment.key, target)

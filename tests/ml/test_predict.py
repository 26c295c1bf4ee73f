import subprocess
import sys


def test_importing_the_facade_loads_no_torch():
    code = (
        "import django, sys; django.setup(); import ml.predict, ml.admin; "
        "ml.predict.describe({'code': 'empty', 'params': {}}); "
        "ml.predict.inspect('Go', locale='en'); ml.predict.measure_principles([]); "
        "loaded = {'torch', 'sklearn', 'sentence_transformers'} & set(sys.modules); "
        "sys.exit(str(loaded) if loaded else 0)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "ctaopt.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

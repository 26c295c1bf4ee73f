import pytest

from experiments.models import HistoryArm, Site
from experiments.services.learning.history_import import UnclearSiteError, import_for_site
from ml.history.reading import HistoryFileError
from tests import factories


@pytest.fixture
def history(tmp_path):
    path = tmp_path / "past.csv"
    path.write_text("test,context,text,visitors,clicks\nt,,Go,100,7\nt,,Start now,100,9\n")
    return path


def imported(path, site_key=None):
    return import_for_site(site_key=site_key, path=path, history_format="ctaopt")


def test_first_import_makes_the_default_site(db, history):
    site, summary = imported(history)
    assert (site.key, summary.created) == ("default", 2)
    assert len(site.client_key) > 20


def test_import_goes_to_the_only_site(site, history):
    assert imported(history)[0] == site


def test_import_prefers_the_default_site(site, history):
    default = factories.make_site("default")
    assert imported(history)[0] == default


def test_import_goes_to_the_named_site(site, other_site, history):
    assert imported(history, "rival")[0] == other_site


def test_import_asks_when_several_sites_could_be_meant(site, other_site, history):
    with pytest.raises(UnclearSiteError, match="--site: rival, shop"):
        imported(history)


def test_import_names_an_unknown_site_and_the_known_ones(site, history):
    with pytest.raises(UnclearSiteError, match=r"no site 'nix' \(known: shop\)"):
        imported(history, "nix")


def test_unreadable_file_leaves_nothing_behind(db, tmp_path):
    with pytest.raises(HistoryFileError, match="No such file"):
        imported(tmp_path / "absent.csv")
    assert not Site.objects.exists()
    assert not HistoryArm.objects.exists()

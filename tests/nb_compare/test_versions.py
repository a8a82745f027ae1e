"""What is installed of nb and of the libraries it needs, as the installed packages say."""

import importlib.metadata

import pytest

from nb_compare.versions import installed_versions


class Distribution:
    def __init__(self, name, version, requires=None):
        self.metadata, self.version, self.requires = {"Name": name}, version, requires


@pytest.fixture
def installed(monkeypatch):
    """Pretends that these are installed."""

    def call(*distributions):
        monkeypatch.setattr(importlib.metadata, "distributions", lambda: iter(distributions))
        return installed_versions()

    return call


def test_a_plugin_counts_as_one_of_nb_whatever_its_name(installed):
    own, libraries = installed(
        Distribution("nb-core", "1", ["numpy>=1"]),
        Distribution("my.plugin", "2", ["Nb_Core==1", 'pytest>=8; extra == "testing"', "H5py"]),
        Distribution("nb-other", "3", ["requests"]),
        Distribution("numpy", "4"),
        Distribution("h5py", "5"),
        Distribution("pytest", "6"),
        Distribution("requests", "7"),
    )
    assert own == {"my-plugin": "2", "nb-core": "1"}
    assert libraries == {"h5py": "5", "numpy": "4"}


def test_what_depends_on_a_plugin_counts_too(installed):
    own, libraries = installed(
        Distribution("z", "3", ["nb-physics"]),
        Distribution("nb-physics", "2", ["nb-core"]),
        Distribution("nb-core", "1"),
    )
    assert (list(own), libraries) == (["nb-core", "nb-physics", "z"], {})


def test_what_is_needed_and_not_installed_has_no_version(installed):
    assert installed(Distribution("nb-core", "1", ["numpy"])) == ({"nb-core": "1"}, {})

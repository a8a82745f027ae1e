"""Hypothesis profiles, a folder for kernels that is not the user's, and plugins that need no
installation.

Import no package of nb here: its annotations are checked only when it is imported afterwards.
"""

import importlib.metadata
import os

import pytest
from hypothesis import settings

settings.register_profile("nb", deadline=None)
settings.register_profile("nb-ci", deadline=None, derandomize=True, database=None)
settings.load_profile("nb-ci" if os.environ.get("CI") else "nb")


@pytest.fixture(autouse=True, scope="session")
def no_kernels_of_the_user(tmp_path_factory):
    """Which engine AUTO takes depends on the kernels at hand: here there are none, until a test
    names another folder.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NB_CACHE_DIR", str(tmp_path_factory.mktemp("kernels") / "none"))
        yield


@pytest.fixture(scope="session")
def shared_kernels(tmp_path_factory):
    """The path of a folder of kernels for tests of all processes of a run: each is built once, for
    who wants one that is being built waits for it.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    return base / "shared-kernels"


class Package(importlib.metadata.Distribution):
    """An installed package that has nothing but a name and a version."""

    def __init__(self, name):
        self.text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n"

    def read_text(self, filename):
        return self.text if filename == "METADATA" else None

    def locate_file(self, path):
        raise NotImplementedError(path)


class EntryPoint(importlib.metadata.EntryPoint):
    """An installed plugin that needs no installation."""

    def __init__(self, name, load, package, group):
        super().__init__(name, "no.module", group)
        vars(self).update(load=load, dist=Package(package))


@pytest.fixture
def installed(monkeypatch):
    """Makes plugins of a group installed, in place of all others but nb's own packages: (entry
    point's name, plugin or what loads it, package).
    """
    real = importlib.metadata.entry_points

    def install(*plugins, group="nb"):
        points = [
            EntryPoint(
                name, plugin if callable(plugin) else (lambda plugin=plugin: plugin), package, group
            )
            for name, plugin, package in plugins
        ]
        monkeypatch.setattr(
            importlib.metadata,
            "entry_points",
            lambda *, group: (
                [p for p in points if p.group == group]
                or (real(group=group) if group.endswith("_builtin") else [])
            ),
        )

    install()
    return install

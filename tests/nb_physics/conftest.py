"""Makes the oracle beside the tests importable; folders of kernels.

Import no package of nb here: its annotations are checked only when it is imported afterwards.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder of kernels that the tests share, those of other processes too: each is built once,
    for who wants one that is being built waits for it.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # of all processes of this run
    folder = base / "shared-kernels"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NB_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """The path of an empty cache, and no memory of a warning."""
    from nb_physics.walk import warn_once

    monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path / "none"))
    warn_once.cache_clear()
    return tmp_path / "none"

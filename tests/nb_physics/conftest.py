"""Makes the oracle beside the tests importable; folders of kernels.

Import no package of nb here: its annotations are checked only when it is imported afterwards.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def cache(shared_kernels):
    """The folder of kernels that the tests share, as that of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NB_CACHE_DIR", str(shared_kernels))
        yield shared_kernels


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """The path of an empty cache, and no memory of a warning."""
    from nb_physics.walk import warn_once

    monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path / "none"))
    warn_once.cache_clear()
    return tmp_path / "none"

"""Hypothesis profiles, and a folder for kernels that is not the user's.

Import no package of nb here: its annotations are checked only when it is imported afterwards.
"""

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

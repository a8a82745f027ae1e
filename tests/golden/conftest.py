"""One thread for images as small as these.

An image of one tile takes one thread whatever is asked for, and of two or three tiles more threads
save less than they cost beside the other processes of a test run. Import no package of nb here:
its annotations are checked only when it is imported afterwards.
"""

import os

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def kernels(shared_kernels):
    """A folder that all tests share, where kernels are to compute their images."""
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("NB_TEST_KERNELS") == "all":
            patch.setenv("NB_CACHE_DIR", str(shared_kernels))
        yield


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Restores the number of threads for the tests that follow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

"""One thread for images as small as these.

More would only wait for each other, and on processors that have other work to do they wait ten
times as long as the work takes. Import no package of nb here: its annotations are checked only
when it is imported afterwards.
"""

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Restores the number of threads for the tests that follow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

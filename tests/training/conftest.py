"""What tests of training share."""

import sys

import pytest


@pytest.fixture
def one_thread():
    """Torch on one thread, so that runs are the same bit for bit."""
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

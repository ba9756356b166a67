"""How many threads the linear algebra gets.

The matrices of a working set are a few hundred wide.  A second thread gains little there, and on a
busy machine it costs a factor of ten or more: NumPy and SciPy each bring a BLAS whose idle threads
spin, and a thread that has to wait for its turn holds up every product.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController

from marginflow.margins import LinearMarginMap

_LONG_LOOK = 2**30


def fitting_threads(maps: LinearMarginMap) -> AbstractContextManager[object]:
    """One thread for the linear algebra, unless looking at all margins is the larger part."""
    look = maps.n_samples * maps.n_features * maps.n_classes
    return nullcontext() if look > _LONG_LOOK else one_thread()


def one_thread() -> AbstractContextManager[object]:
    """One thread for many small decompositions."""
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()

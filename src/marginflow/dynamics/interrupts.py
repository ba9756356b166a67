"""Ctrl-C that waits for a safe moment.

A KeyboardInterrupt may strike between any two bytecodes, also between a chunk's end and its
records being kept.  Inside `deferred_interrupt` the first Ctrl-C only sets a mark, which the driver
looks at between chunks; the second behaves as usual.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Hold back one Ctrl-C; yields a function that says whether it came.

    Only the main thread receives signals, and a host program's own handler is left in place: in
    both cases nothing is held back.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    came = threading.Event()

    def mark(signum: int, frame: object) -> None:
        came.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, mark)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

"""Ctrl-C that is remembered.

A run inside a longer job takes Ctrl-C for its own end and returns what it has; the job would go
on with half a result.  Inside `interrupt_watch` the job can ask whether Ctrl-C came, whatever
became of the KeyboardInterrupt.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_watch() -> Iterator[Callable[[], bool]]:
    """Raise KeyboardInterrupt at Ctrl-C as always, and yield a function that says whether it came.

    Only the main thread receives signals, and a host program's own handler is left in place: there
    the function always says no.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    came = threading.Event()

    def remember(signum: int, frame: object) -> None:
        came.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, remember)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

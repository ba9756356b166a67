"""Progress: how a long run tells its caller where it is.

The library prints nothing.  A verb calls `progress(step, steps, message)` on the host, a few times
a second and once at the end; what is drawn is the caller's business.  An exception raised there
ends the run, and KeyboardInterrupt ends it as Ctrl-C does: with what was done.
"""

from collections.abc import Callable
from typing import TypeAlias

# step, steps, a short remark
Progress: TypeAlias = Callable[[int, int, str], object]

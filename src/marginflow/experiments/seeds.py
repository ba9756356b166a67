"""Seeds by the names of axes.

Everything random in a sweep, the draw of a data set, first weights and minibatches, has a seed of
its own: a hash of the sweep's seed, of what is drawn, and of the axes on which it depends, each by
its name and its value.  Positions play no part.  An optimizer or a loss that is added therefore
changes no other run, and all optimizers and losses meet the same data, the same first weights and
the same minibatches: what differs between two of them is theirs.
"""

import hashlib
import json
from typing import Any


def derive_seed(root: int, purpose: str, /, **axes: Any) -> int:
    """A seed in 0..2³²−1 for one purpose at one point of some axes.

    Args:
        root: the seed of the sweep.
        purpose: what is drawn, as "data".
        axes: values by the names of their axes, as JSON can hold them.

    Returns:
        The first 32 bits of a SHA-256: the same on every platform, and what NumPy's legacy
        generator still takes.

    Example:
        >>> from marginflow.experiments.seeds import derive_seed
        >>> derive_seed(0, "data", data="a", seed=1) == derive_seed(0, "data", seed=1, data="a")
        True
        >>> derive_seed(0, "data", data="a", seed=1) == derive_seed(0, "data", data="a", seed=2)
        False
    """
    text = json.dumps([root, purpose, axes], sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])

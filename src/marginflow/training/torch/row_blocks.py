"""How many rows are computed together: as many as a cache holds, for passes over them are many."""

import torch
from torch import Tensor

# Entries of a block: for each thread of a CPU a temporary of half a megabyte, which its cache
# holds; elsewhere as many as keep an accelerator busy.
_PER_THREAD, _ON_ACCELERATOR = 2**17, 2**24


def rows_of_a_block(rows: Tensor) -> int:
    """How many of the rows (n, K) make a block, at least one."""
    on_cpu = rows.device.type == "cpu"
    size = _PER_THREAD * torch.get_num_threads() if on_cpu else _ON_ACCELERATOR
    return max(1, size // rows.shape[1])

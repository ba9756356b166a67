"""Norms of weights: in which a step is measured, and in which training maximizes the margin.

Steepest descent moves by the direction of unit norm along which the risk falls fastest, and ends at
the weights of least norm with every margin 1: one norm says both.  A norm here is a p-norm of
magnitudes: the absolute entries (`EntrywiseNorm`), the singular values (`SchattenNorm`), or the
lengths of the classes' or the features' weight vectors (`GroupNorm`).  Its dual is the q-norm of
the same magnitudes with 1/p + 1/q = 1, and its direction of steepest ascent follows from that.
"""

from marginflow.norms.entrywise import EntrywiseNorm
from marginflow.norms.grouped import GroupNorm
from marginflow.norms.named import NAMED_NORMS, as_norm
from marginflow.norms.norm import Norm
from marginflow.norms.schatten import SchattenNorm

__all__ = ["NAMED_NORMS", "EntrywiseNorm", "GroupNorm", "Norm", "SchattenNorm", "as_norm"]

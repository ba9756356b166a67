"""A bowl with a well on its side: a small minimum before the deep one.

f(x) = ½ x² − D exp(−(x − 1)²/(2 w²)).  How deep the well is is told by its steepest slope, in
multiples of 1 + w, the slope of the bowl at its outer edge.  From 1 on there is a minimum in it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize


@dataclass(frozen=True)
class Well:
    """Numbers, or arrays of wells.

    Attributes:
        width: w.
        multiple: the steepest slope of the well over 1 + w.
    """

    width: Any
    multiple: Any

    @property
    def depth(self) -> Any:
        """D."""
        return self.multiple * (1.0 + self.width) * self.width * np.sqrt(np.e)

    @property
    def curvature(self) -> Any:
        """In the middle of the well."""
        return 1.0 + self.depth / self.width**2

    def height(self, x: Any) -> Any:
        """The value of f."""
        return 0.5 * x**2 - self.depth * np.exp(-0.5 * ((x - 1.0) / self.width) ** 2)

    def slope(self, x: Any) -> Any:
        """The derivative of f."""
        z = (x - 1.0) / self.width
        return x + self.depth / self.width * z * np.exp(-0.5 * z**2)

    def bottom(self) -> float:
        """Where the small minimum of one well is."""
        found: Any = optimize.brentq(self.slope, 1.0 - self.width, 1.0)
        return float(found)

    def top(self) -> float:
        """Where the barrier of one well towards the deep minimum is."""
        found: Any = optimize.brentq(self.slope, 1.0 - 5.0 * self.width, 1.0 - self.width)
        return float(found)

"""Classification-calibrated: whoever minimizes the loss on average ranks the likeliest class first.

For a distribution p of the label, C_p(v) = Σ_y p_y ℓ_y(v), the conditional risk, is what scores v
cost on average.  A loss is calibrated if no scores that let another class come up to the likeliest
one reach the infimum of C_p, nor come as near to it as one likes (Wang & Scott 2024, arXiv
2311.17778).  That is tried as it is said, for one p after another: the infimum over all v is
compared with the one over the wrong v.

Classes are numbered so that p falls, and the score of the likeliest one is 0.  If scores are wrong
by a class j, let j and the second likeliest class trade places: as the template is symmetric, they
cost no more, provided that a class with a higher score has the lower loss.  So the second class is
always tried, and another one by lot.

Three methods share the work.  A table of scores of many patterns, up to a million apart, is weighed
by every p at once: it finds infima at infinity, and starts for the rest.  Newton's method goes down
from there for all p together, in all directions and on the border v_j = v_1.  Where kinks stop it
and the loss is convex, cutting planes enclose both infima from below and from above; a cut of a
label's loss serves every p, and one interior-point method solves the programs of all p at once.

`label_distributions` and `score_table` say what is tried, `conditional_risk` what it costs.
`newton` and `multistart`, `interior_point` and `cutting_planes` find `infima`; `judgment` turns
these into a verdict, and `calibrated` chooses between the methods.
"""

from marginflow.theory.certificate.calibration.calibrated import calibrated
from marginflow.theory.certificate.calibration.judgment import NAME

__all__ = ["NAME", "calibrated"]

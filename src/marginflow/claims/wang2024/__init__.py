"""Claims of Wang and Scott 2024 (arXiv 2311.17778): which losses rank the likeliest class first.

A template is regular if it is non-negative, twice differentiable, strictly convex, semi-coercive
and strictly decreasing in every entry, and totally regular if its truncations are regular as well;
then the loss is classification-calibrated.  The wording of these definitions is quoted from memory.

    named_templates     the table: which template is what, and why
    random_templates    totally regular implies calibrated, on random templates
    sums                sums of totally regular losses
    fenchel_young       Fenchel–Young losses: calibrated, and not regular
    border              why truncations are asked for

`verdicts` holds what the certificate says of a template, made once and shared.
"""

from marginflow.claims.claim import Claim
from marginflow.claims.wang2024 import (
    border,
    fenchel_young,
    named_templates,
    random_templates,
    sums,
)

CLAIMS: tuple[Claim, ...] = (
    *named_templates.CLAIMS,
    *random_templates.CLAIMS,
    *sums.CLAIMS,
    *fenchel_young.CLAIMS,
    *border.CLAIMS,
)

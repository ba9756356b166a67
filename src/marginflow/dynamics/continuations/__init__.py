"""How methods of training go on after their first steps.

After enough steps a method follows a flow that changes slowly from step to step: its modified
equation, in the weights alone or with those memories of the method that have not settled.  Each
continuation is one such equation, with the condition from which it holds.  What has no continuation
is refused, with the reason.
"""

from marginflow.dynamics.continuations.choice import continuation_of, refusal
from marginflow.dynamics.continuations.continuation import Continuation, Course, Problem

__all__ = ["Continuation", "Course", "Problem", "continuation_of", "refusal"]

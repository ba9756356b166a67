"""Interval proofs of properties of templates."""

from marginflow.theory.proof.prove import prove

__all__ = ["prove"]

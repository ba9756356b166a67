"""Benchmarks: both sides in one process, printed as ratios."""

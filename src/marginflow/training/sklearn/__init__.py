"""Estimators for scikit-learn: the limit of training, and training itself, as classifiers.

`MaxMarginClassifier` is where training ends, exact and certified; `MarginClassifier` is where it is
after some steps, or after e^1000000 of them.  Both are linear, and work wherever scikit-learn takes
a classifier.
"""

from marginflow.training.sklearn.margin_classifier import MarginClassifier
from marginflow.training.sklearn.max_margin_classifier import MaxMarginClassifier

__all__ = ["MarginClassifier", "MaxMarginClassifier"]

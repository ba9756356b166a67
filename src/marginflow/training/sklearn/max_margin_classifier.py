"""The hard-margin classifier as an estimator."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from marginflow._results import NotConvergedError, NotSeparableError, Status
from marginflow.limits import MaxMargin, max_margin
from marginflow.training.sklearn.linear_classifier import LinearClassifier, Rows, with_ones


class MaxMarginClassifier(LinearClassifier):
    """The linear classifier of largest margin, solved exactly and certified.

    minimize ‖W‖ subject to x_i·(w_y − w_k) + b_y − b_k ≥ 1 for every sample and other class, and
    y_i (x_i·w + b) ≥ 1 for two classes.  It is where training on separable data ends.  In the
    Frobenius norm and for two classes it is `SVC(kernel="linear", C=inf)`; for more, the joint
    problem of Crammer and Singer, which `SVC` takes apart into pairs.

    Args:
        norm: the norm of the weights or its name, as `max_margin` has them: "frobenius", "max",
            "l1", "spectral", "nuclear", "class_l2", "feature_l2".
        fit_intercept: whether there is a b.
        penalize_intercept: whether the norm counts it, as a weight of a feature that is 1
            everywhere.  That is where training with such a feature goes, and what `LinearSVC` does;
            `SVC` leaves it free.
        rtol: the relative duality gap to reach; by default what `max_margin` takes.
        max_rounds: how often the solver looks at all margins.

    Attributes:
        coef_: (K, d), or (1, d) for two classes.
        intercept_: (K,) or (1,); zeros without an intercept.
        classes_: (K,) the labels.
        n_features_in_: d.
        feature_names_in_: (d,) where X had names.
        support_: (m,) the samples with a pair at margin 1, ascending.
        margin_: 1/‖W‖ in that norm, the geometric margin.
        dual_gap_: a proved upper bound of the relative duality gap.
        result_: the `MaxMargin`, with dual and certificate.

    Raises:
        NotSeparableError: by `fit`, where no linear classifier separates the classes.
        ValueError, TypeError: by `fit`, if a setting or the data do not fit.

    Example:
        >>> import marginflow as mf
        >>> model = mf.MaxMarginClassifier().fit([[0.0], [1.0], [3.0], [4.0]], ["a", "a", "b", "b"])
        >>> model.coef_.round(6), model.intercept_.round(6), model.support_
        (array([[1.]]), array([-2.]), array([1, 2]))
        >>> model.predict([[1.5], [2.5]])
        array(['a', 'b'], dtype='<U1')

    Crammer & Singer 2001, "On the algorithmic implementation of multiclass kernel-based vector
    machines"; as the limit of training, Ravi et al. 2024, arXiv 2411.01350, main theorem.
    """

    support_: np.ndarray
    margin_: float
    dual_gap_: float
    result_: MaxMargin

    def __init__(
        self,
        norm: Any = "frobenius",
        *,
        fit_intercept: Any = True,
        penalize_intercept: Any = False,
        rtol: Any = None,
        max_rounds: Any = 200,
    ):
        self.norm = norm
        self.fit_intercept = fit_intercept
        self.penalize_intercept = penalize_intercept
        self.rtol = rtol
        self.max_rounds = max_rounds

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MaxMarginClassifier":
        """Solve the problem.

        Args:
            X: (n, d) finite numbers, dense or sparse; a sparse matrix is made dense, up to 2 GiB.
            y: (n,) labels.
            sample_weight: (n,) non-negative.  A hard margin holds for each sample however little it
                weighs, so that only a weight of zero says anything: it leaves the sample out.

        Returns:
            The estimator.
        """
        rows = self._read(X, y, sample_weight)
        if rows.sample_weight is not None:
            warnings.warn(
                "sample_weight: a hard margin holds for every sample alike; only samples of weight "
                "zero were left out, and the other weights changed nothing.",
                stacklevel=2,
            )
        counted = self.fit_intercept and self.penalize_intercept
        result = max_margin(
            with_ones(rows.data) if counted else rows.data,
            self.norm,
            free_intercept=self.fit_intercept and not counted,
            rtol=self.rtol,
            max_rounds=self.max_rounds,
            throw=False,
        )
        _raise_or_warn(result)
        self._keep(result, rows, counted)
        return self

    def _keep(self, result: MaxMargin, rows: Rows, counted: bool) -> None:
        if counted:
            self._set_weights(result.weights[:-1], result.weights[-1])
        else:
            self._set_weights(result.weights, result.intercept)
        self.support_ = rows.indices[np.unique(result.support[:, 0])]
        self.margin_, self.dual_gap_ = result.margin, result.relative_gap
        self.result_ = result


def _raise_or_warn(result: MaxMargin) -> None:
    if result.status == Status.NOT_SEPARABLE:
        raise NotSeparableError(
            f"{result.message}  MarginClassifier, or an SVM with a soft margin, takes classes that "
            "overlap.",
            result,
        )
    if not np.all(np.isfinite(result.weights)):
        raise NotConvergedError(result.message, result)
    if result.status != Status.DONE:
        warnings.warn(result.message, ConvergenceWarning, stacklevel=3)

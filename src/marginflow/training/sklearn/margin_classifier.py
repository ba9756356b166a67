"""Training with a loss and an optimizer as an estimator."""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from marginflow._results import NotConvergedError, Status
from marginflow.dynamics import (
    FastForward,
    Trajectory,
    fast_forward,
    recommended_rate,
    step_bound,
    train,
)
from marginflow.dynamics.optimizers import (
    HeavyBall,
    Nesterov,
    Optimizer,
    SteepestDescent,
    as_optimizer,
    get_optimizer,
)
from marginflow.losses import Loss, TailKind, as_loss
from marginflow.losses.class_probabilities import class_probabilities, defines_probabilities
from marginflow.training.sklearn.linear_classifier import LinearClassifier, Rows, with_ones

STEPS = 1000


def _has_probabilities(model: "MarginClassifier") -> bool:
    loss = as_loss(model.loss)
    n_classes = len(model.classes_) if hasattr(model, "classes_") else 2
    if not defines_probabilities(loss, n_classes):
        raise AttributeError(
            f"{loss.name} defines no class probabilities; decision_function has its scores."
        )
    return True


class MarginClassifier(LinearClassifier):
    """A linear classifier trained with a loss and an optimizer, for some steps or any number.

    It minimizes Σ_i w_i ψ(u_i)/Σ_i w_i, ψ the loss and u_i the sample's relative margins, from
    weights of zero.

    Args:
        loss: a `Loss`, the name of a registered one, or a template function of margins.
        optimizer: the name of a registered optimizer, an optimizer, or an optax transformation.
        learning_rate: of an optimizer given by name.  By default, for "gd", "heavy-ball" and
            "nesterov", half the bound below which the risk decreases; for steepest descent with
            normalized steps, `recommended_rate`.
        steps: how many, 1000 by default.
        log_time: instead of steps, their logarithm, by `fast_forward`: 10¹⁰⁰ steps are 230.26.
        fit_intercept: whether a feature that is 1 everywhere is added, whose weight is trained like
            any other.
        batch_size: of minibatches without replacement; by default all samples at every step.
        random_state: of the minibatches: an int, a `RandomState`, or None.

    Attributes:
        coef_: (K, d), or (1, d) for two classes.
        intercept_: (K,) or (1,); zeros without an intercept.
        classes_: (K,) the labels.
        n_features_in_: d.
        feature_names_in_: (d,) where X had names.
        optimizer_: the optimizer that was used, with its learning rate.
        result_: the `Trajectory` with what was recorded on the way, or the `FastForward`.

    Raises:
        NotConvergedError: by `fit`, where training diverged.
        ValueError, TypeError: by `fit`, if a setting or the data do not fit.

    Example:
        >>> import marginflow as mf
        >>> data = mf.load_dataset("wine")
        >>> model = mf.MarginClassifier("pair-log-loss", "normalized-gd", steps=500)
        >>> model.fit(data.features, data.labels).score(data.features, data.labels)
        1.0
        >>> model = mf.MarginClassifier(log_time=1e6).fit([[0.0], [1.0]], [0, 1])
        >>> model.score([[0.0], [1.0]], [0, 1])
        1.0
    """

    optimizer_: Optimizer
    result_: Trajectory | FastForward

    def __init__(
        self,
        loss: Any = "cross-entropy",
        optimizer: Any = "gd",
        *,
        learning_rate: Any = None,
        steps: Any = None,
        log_time: Any = None,
        fit_intercept: Any = True,
        batch_size: Any = None,
        random_state: Any = None,
    ):
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.steps = steps
        self.log_time = log_time
        self.fit_intercept = fit_intercept
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MarginClassifier":
        """Train.

        Args:
            X: (n, d) finite numbers, dense or sparse; a sparse matrix is made dense, up to 2 GiB.
            y: (n,) labels.
            sample_weight: (n,) non-negative weights of the samples' losses.  Training on separable
                data with an exponential tail forgets them, and a warning says so.

        Returns:
            The estimator.
        """
        if self.steps is not None and self.log_time is not None:
            raise ValueError("expected steps or log_time, got both; set one of them to None.")
        if self.log_time is not None and sample_weight is not None:
            raise ValueError(
                "sample_weight: expected none with log_time, where training on separable data has "
                "all but forgotten them; pass steps instead."
            )
        rows = self._read(X, y, sample_weight)
        if self.fit_intercept:
            rows = rows._replace(data=with_ones(rows.data))
        loss = as_loss(self.loss, rows.data.n_classes)
        self.optimizer_ = self._optimizer(rows, loss)
        self.result_ = self._trained(rows, loss)
        _raise_or_warn(self.result_)
        if rows.sample_weight is not None:
            _warn_of_weights(self.result_, loss, rows.data.n_classes)
        weights = self.result_.weights
        if self.fit_intercept:
            self._set_weights(weights[:-1], weights[-1])
        else:
            self._set_weights(weights, None)
        return self

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Float[np.ndarray, "n K"]:
        """The class probabilities that the loss defines at the scores, as `class_probabilities`.

        Not there for a loss that defines none, as a hinge.

        Args:
            X: (n, d), dense or sparse.

        Returns:
            (n, K), in the order of `classes_`.
        """
        check_is_fitted(self)
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        return class_probabilities(as_loss(self.loss, scores.shape[1]), scores)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Float[np.ndarray, "n K"]:
        """The logarithm of `predict_proba`; −inf where that is zero.

        Args:
            X: (n, d), dense or sparse.

        Returns:
            (n, K), in the order of `classes_`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _optimizer(self, rows: Rows, loss: Loss) -> Optimizer:
        if not isinstance(self.optimizer, str):
            if self.learning_rate is not None:
                raise ValueError(
                    "learning_rate: expected None with an optimizer that has one, got "
                    f"{self.learning_rate!r}; pass the optimizer's name, or set it there."
                )
            return as_optimizer(self.optimizer)
        rate = self.learning_rate
        if rate is None:
            rate = _standard_rate(self.optimizer, rows, loss)
        return get_optimizer(self.optimizer, learning_rate=rate)

    def _trained(self, rows: Rows, loss: Loss) -> Trajectory | FastForward:
        setting: dict[str, Any] = {
            "reduction": "mean",
            "batch_size": self.batch_size,
            "seed": int(check_random_state(self.random_state).randint(2**31 - 1)),
            "throw": False,
        }
        if self.log_time is not None:
            log_steps = float(self.log_time)
            return fast_forward(rows.data, loss, self.optimizer_, log_steps=log_steps, **setting)
        return train(
            rows.data,
            loss,
            self.optimizer_,
            steps=STEPS if self.steps is None else self.steps,
            sample_weight=rows.sample_weight,
            **setting,
        )


def _standard_rate(name: str, rows: Rows, loss: Loss) -> float:
    method = get_optimizer(name, learning_rate=1.0)
    if isinstance(method, HeavyBall | Nesterov):
        bound = step_bound(rows.data, loss, reduction="mean", sample_weight=rows.sample_weight)
        if bound is not None and 0 < bound.value < np.inf:
            return bound.value / 2
        raise ValueError(
            f"learning_rate: expected a number, since no bound on it is known for {loss.name} on "
            "these data."
        )
    if isinstance(method, SteepestDescent) and method.scale_free:
        return recommended_rate(rows.data, method.norm)
    raise ValueError(
        f"learning_rate: expected a number for the optimizer {name!r}, for which there is no "
        "standard one."
    )


def _raise_or_warn(result: Trajectory | FastForward) -> None:
    if result.status == Status.DIVERGED:
        raise NotConvergedError(result.message, result)
    if result.status != Status.DONE:
        warnings.warn(result.message, ConvergenceWarning, stacklevel=3)


def _warn_of_weights(result: Trajectory | FastForward, loss: Loss, n_classes: int) -> None:
    tail = loss.tail(n_classes)
    separated = result.observables["margin"][-1] > 0
    if separated and tail is not None and tail.kind == TailKind.EXPONENTIAL:
        warnings.warn(
            f"sample_weight: the classifier separates the samples, and training with {loss.name} "
            "forgets weights there: they change when, not where to it turns.",
            stacklevel=3,
        )

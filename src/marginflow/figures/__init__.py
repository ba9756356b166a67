"""Figures: one picture a function of `ax`, from plain arrays.

A function draws on the axes that it is given, returns them, and sets nothing else; `style` lends
marginflow's look, `canvas` makes a figure without a window, `save` writes it to the same bytes
every time.  Those that need several axes, as `decision_panels` and `overview`, take a figure.
"""

from marginflow.figures.classifier_regions import classifier_regions
from marginflow.figures.decision_panels import decision_panels
from marginflow.figures.decision_regions import decision_regions
from marginflow.figures.direction_error import direction_error
from marginflow.figures.distribution_entropy import distribution_entropy
from marginflow.figures.learning_curve import learning_curve
from marginflow.figures.loss_gallery import loss_gallery
from marginflow.figures.loss_times_t import loss_times_t
from marginflow.figures.margin_fraction import margin_fraction
from marginflow.figures.margin_gap import margin_gap
from marginflow.figures.margin_matrix import margin_matrix
from marginflow.figures.overview import overview
from marginflow.figures.residual import residual, residual_margins
from marginflow.figures.save import as_bytes, save
from marginflow.figures.step_curves import step_curves
from marginflow.figures.style import canvas, style
from marginflow.figures.suggestion import fitted_densities, loss_of_error, residual_quantiles

__all__ = [
    "as_bytes",
    "canvas",
    "classifier_regions",
    "decision_panels",
    "decision_regions",
    "direction_error",
    "distribution_entropy",
    "fitted_densities",
    "learning_curve",
    "loss_gallery",
    "loss_of_error",
    "loss_times_t",
    "margin_fraction",
    "margin_gap",
    "margin_matrix",
    "overview",
    "residual",
    "residual_margins",
    "residual_quantiles",
    "save",
    "step_curves",
    "style",
]

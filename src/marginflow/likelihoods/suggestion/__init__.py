"""Which likelihood suits targets: support, candidates, ranking, residuals, and the verb."""

from marginflow.likelihoods.suggestion.loss_suggestion import LossSuggestion
from marginflow.likelihoods.suggestion.ranking import Entry
from marginflow.likelihoods.suggestion.residuals import FitTest
from marginflow.likelihoods.suggestion.suggest_loss import suggest_loss

__all__ = ["Entry", "FitTest", "LossSuggestion", "suggest_loss"]

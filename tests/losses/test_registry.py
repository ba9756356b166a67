"""Losses by name."""

import contextlib
import re

import jax.numpy as jnp
import pytest

import marginflow as mf
from marginflow.losses import as_loss, unregister


def one_line(u):
    return jnp.log1p(jnp.sum(jnp.exp(-u)))


@pytest.fixture
def draft():
    """A name that is free before and after."""
    yield "a-draft"
    with contextlib.suppress(ValueError):
        unregister("a-draft")


def test_a_registered_loss_is_found_and_forgotten(draft):
    mf.register(draft, mf.CrossEntropy)
    mf.register(draft, mf.CrossEntropy)
    assert mf.get_loss(draft) == mf.CrossEntropy()
    assert mf.get_loss("A_Draft") == mf.CrossEntropy()
    assert list(mf.registered_losses())[-1] == draft
    unregister(draft)
    with pytest.raises(
        ValueError, match=f"no loss named '{draft}'; registered are: cross-entropy,"
    ):
        mf.get_loss(draft)
    with pytest.raises(ValueError, match="no loss named"):
        unregister(draft)


def test_a_taken_name_is_refused(draft):
    mf.register(draft, mf.CrossEntropy)
    with pytest.raises(ValueError, match=r"registered already.*unregister\('a-draft'\)"):
        mf.register(draft, mf.PairLogLoss)
    assert mf.get_loss(draft) == mf.CrossEntropy()


@pytest.mark.parametrize(
    "name", ["Cross-Entropy", "cross_entropy", "cross entropy", "", "-a", "a-"]
)
def test_names_have_one_form(name):
    with pytest.raises(ValueError, match=f"lower-case words.*got '{name}'"):
        mf.register(name, mf.CrossEntropy)


def test_a_factory_makes_a_loss(draft):
    with pytest.raises(TypeError, match="got CrossEntropy; write `lambda: loss`"):
        mf.register(draft, mf.CrossEntropy())
    mf.register(draft, lambda: "cross-entropy")
    with pytest.raises(TypeError, match="registered as 'a-draft' should return a Loss"):
        mf.get_loss(draft)


def test_whatever_names_a_loss_becomes_one():
    assert as_loss("pair_log_loss") == mf.PairLogLoss()
    assert as_loss(mf.CrossEntropy(), n_classes=3) == mf.CrossEntropy()
    assert as_loss(one_line) == as_loss(mf.TemplateLoss(one_line), n_classes=3)
    assert as_loss(one_line).name == "one_line"


@pytest.mark.parametrize("wrong", [mf.CrossEntropy, 3.0, None])
def test_anything_else_is_not_a_loss(wrong):
    with pytest.raises(TypeError):
        as_loss(wrong)


@pytest.mark.parametrize("name", mf.registered_losses())
def test_registered_losses_are_frozen_values(name):
    loss = mf.get_loss(name)
    assert isinstance(loss, mf.Loss)
    assert loss == mf.get_loss(name)
    assert hash(loss) == hash(mf.get_loss(name))
    assert re.fullmatch(r"\w+", loss.name)
    with pytest.raises(AttributeError):
        loss.anything = 1


@pytest.mark.parametrize("degree", [0.0, -1.0, float("inf"), float("nan")])
def test_the_degree_of_a_polynomial_tail_is_positive(degree):
    with pytest.raises(ValueError, match="expected a finite degree > 0"):
        mf.PolynomialLoss(degree=degree)

"""Identities: what tells data, losses and optimizers from others, as JSON can hold it.

Functions cannot be hashed, so a loss is known by its name and its values at fixed margins, and an
optax transformation by what it does to two fixed gradients.
"""

import hashlib
from dataclasses import fields
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow.losses import Loss
from marginflow.margins import MarginMap


def array_hash(tree: Any) -> str:
    """SHA-256 of all arrays of a tree: shapes, types and bits."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        array = np.ascontiguousarray(leaf)
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def map_identity(margin_map: MarginMap) -> str:
    """The map's class, its settings and its arrays."""
    return f"{_settings(margin_map)} {array_hash(margin_map)}"


def _settings(module: eqx.Module) -> str:
    """The class and its plain settings, those of modules within it included."""
    settings = {}
    for item in fields(module):
        value = getattr(module, item.name)
        if isinstance(value, bool | int | float | str):
            settings[item.name] = value
        elif isinstance(value, eqx.Module):
            settings[item.name] = _settings(value)
    return f"{type(module).__name__} {settings}"


def loss_identity(loss: Loss, n_columns: int) -> str:
    """The loss's name and its values at fixed margins, to nine digits."""
    points = np.linspace(-2.0, 12.0, 8)[:, None] + np.linspace(0.0, 1.5, n_columns)
    return f"{loss.name}: {nine_digits(loss.template(jnp.asarray(points)))}"


def nine_digits(values: Any) -> str:
    """Numbers as text that does not depend on the last bits."""
    return " ".join(f"{value:.9g}" for value in np.asarray(values).ravel())

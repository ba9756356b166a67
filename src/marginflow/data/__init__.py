"""Data sets: the checked and frozen `Dataset`, and what generates or reads one."""

from marginflow.data.dataset import Dataset, as_dataset
from marginflow.data.errors import DataError
from marginflow.data.files import read_dataset
from marginflow.data.generators import (
    gaussian_clusters,
    linear_teacher,
    random_labels,
    soudry_toy,
)
from marginflow.data.load import load_dataset

__all__ = [
    "DataError",
    "Dataset",
    "as_dataset",
    "gaussian_clusters",
    "linear_teacher",
    "load_dataset",
    "random_labels",
    "read_dataset",
    "soudry_toy",
]

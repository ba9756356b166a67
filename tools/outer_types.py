"""The type checker of the tests; `conftest.py` gives it outer functions alone."""

from beartype import beartype as beartype

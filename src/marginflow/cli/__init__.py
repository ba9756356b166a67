"""The command line: a door to every verb of the library.

`main` runs it.  A verb is one function in one file here, which takes options, computes and returns
an `Answer`; `program` registers the verbs, prints their answers and turns errors into exit codes.
"""

from marginflow.cli.program import main

__all__ = ["main"]

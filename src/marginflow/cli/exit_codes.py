"""Exit codes: what a shell script learns from a run of `marginflow`."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every verb."""

    OK = 0
    FAILURE = 1  # ours, or the machine's: a bug, a full disk
    USAGE = 2  # the caller's: an option, a name, a file
    NOT_CONVERGED = 3  # not converged, or the certificate is looser than asked
    NOT_SEPARABLE = 4  # nothing separates the data, by the certificate that is printed
    INTERRUPTED = 130  # by Ctrl-C; what was done is kept


# By the names of `Status`, whose module is not loaded for a page of help.
OF_STATUS = {
    "done": ExitCode.OK,
    "max_steps": ExitCode.NOT_CONVERGED,
    "diverged": ExitCode.NOT_CONVERGED,
    "saturated": ExitCode.NOT_CONVERGED,
    "eps_dominated": ExitCode.OK,  # the run is done; its page says since when ε rules
    "not_separable": ExitCode.NOT_SEPARABLE,
    "interrupted": ExitCode.INTERRUPTED,
}

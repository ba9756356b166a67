"""The sentence for a package that is not installed."""


def missing(user: str, package: str) -> str:
    """What an `ImportError` says.

    Args:
        user: what needs the package.
        package: as pip knows it.
    """
    return (
        f"{user} needs the package {package}, which is not installed; pip install {package} "
        "brings it."
    )

"""A judged claim as a record: everything that was said, done and found, for JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.run_claims import Judged

SHOWN = 12  # entries of an array that is shown in full


def claim_record(
    judged: Judged, pictures: Sequence[str] = (), *, full: bool = False
) -> dict[str, Any]:
    """The record of a judged claim; times are in `seconds`, everything else is repeatable.

    Args:
        judged: the claim.
        pictures: paths of its pictures.
        full: whether it was run at the source's own size.
    """
    claim = judged.claim
    return {
        **claim_head(claim),
        "status": judged.status,
        "verdict": judged.verdict,
        "sound": judged.sound,
        "message": judged.message,
        "seconds": judged.seconds,
        "setting": setting_fields(setting_of(claim, full)),
        "checks": check_records(judged.evidence),
        "tolerance_reason": claim.tolerance_reason,
        "control": {
            "statement": claim.control_statement,
            "verdict": judged.control_verdict,
            "setting": setting_fields(claim.control),
            "checks": check_records(judged.control),
        },
        "command": rerun_command(claim, full),
        "pictures": list(pictures),
        "data": {} if judged.evidence is None else dict(judged.evidence.data),
    }


def claim_head(claim: Claim) -> dict[str, Any]:
    """What a claim says, before it is run."""
    return {
        "id": claim.id,
        "source": claim.source.citation,
        "arxiv": claim.source.arxiv,
        "section": claim.section,
        "statement": claim.statement,
        "proved": claim.proved,
    }


def rerun_command(claim: Claim, full: bool) -> str:
    """What to type to run a claim again."""
    return f"marginflow reproduce {claim.id}{' --full' if full else ''}"


def setting_of(claim: Claim, full: bool) -> Any:
    """The setting that a run takes."""
    return claim.full if full and claim.full is not None else claim.setting


def check_records(evidence: Evidence | None) -> list[dict[str, Any]]:
    """The checks of an experiment."""
    return [] if evidence is None else [_check(check) for check in evidence.checks]


def setting_fields(setting: Any) -> dict[str, Any]:
    """A setting by the names of its fields, in terms of numbers, words and lists.

    Example:
        >>> from dataclasses import dataclass
        >>> from marginflow.report.record import setting_fields
        >>> @dataclass(frozen=True)
        ... class Setting:
        ...     seeds: range = range(3)
        ...     loss: type = float
        >>> setting_fields(Setting())
        {'seeds': [0, 1, 2], 'loss': 'float'}
    """
    if is_dataclass(setting) and not isinstance(setting, type):
        return {item.name: _plain(getattr(setting, item.name)) for item in fields(setting)}
    if isinstance(setting, Mapping):
        return {str(name): _plain(value) for name, value in setting.items()}
    return {} if setting is None else {"setting": _plain(setting)}


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "measured": check.measured,
        "relation": check.relation,
        "expected": check.expected,
        "tolerance": check.tolerance,
        "uncertainty": check.uncertainty,
        "verdict": check.verdict,
    }


def _plain(value: Any) -> Any:
    """Numbers, words and lists as they are; anything else by a name that is the same every time."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= SHOWN else f"array of shape {value.shape}"
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(item) for item in value]
    named = getattr(value, "name", None) or getattr(value, "__name__", None)
    return named if isinstance(named, str) else type(value).__name__

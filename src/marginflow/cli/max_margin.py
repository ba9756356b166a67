"""`marginflow max-margin`: the limit of training, solved, certified and printed."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.console import facts, table
from marginflow.cli.data_argument import DataArgument
from marginflow.cli.data_description import data_line, describe_data, describe_pairs
from marginflow.cli.exit_codes import OF_STATUS, ExitCode
from marginflow.cli.face_report import SHARE, face_figures, face_rows, measure
from marginflow.cli.norm_argument import NORMS_IN_WORDS, norm_argument
from marginflow.cli.output_file import check_output, write_arrays, write_json
from marginflow.cli.progress_bar import progress_bar

if TYPE_CHECKING:
    from marginflow.data import Dataset
    from marginflow.limits import MaxMargin

SUFFIXES = (".npz", ".json")
SHOWN = 10  # classes' intercepts on the page
LISTED = 20  # pairs of a certificate on the page; JSON has them all


def max_margin(
    data: options.DataName,
    target: options.Target = None,
    standardize: options.Standardize = None,
    constant: options.Constant = None,
    samples: options.Samples = None,
    features: options.Features = None,
    classes: options.Classes = None,
    seed: options.Seed = 0,
    norm: Annotated[
        str,
        typer.Option(
            metavar="NORM",
            help=f"The norm of the weights: {NORMS_IN_WORDS}.",
        ),
    ] = "frobenius",
    free_intercept: Annotated[
        bool,
        typer.Option(
            "--free-intercept",
            help="Add to each score a number that the norm does not count, as in the usual SVM, in "
            "place of a column of ones.",
        ),
    ] = False,
    rtol: Annotated[
        float | None,
        typer.Option(
            metavar="GAP",
            help="The relative duality gap to reach; or its square root, for the weights' error. "
            "By default 1e-12, and 1e-8 in other norms than frobenius; with a free intercept 1e-8 "
            "and 1e-5.",
        ),
    ] = None,
    face: Annotated[
        bool,
        typer.Option(
            "--face",
            help="Also measure how far apart weights of nearly the best margin can be.",
        ),
    ] = False,
    share: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Of the best margin, with --face; 1 - 1e-6 by default.",
        ),
    ] = None,
    output: Annotated[Path | None, options.output(".npz or .json")] = None,
    json: options.Json = False,
    no_progress: options.NoProgress = False,
    debug: options.Debug = False,
) -> Answer:
    """Find the weights of largest margin and certify them, or that nothing separates the data.

    Training on separable data with an exponentially tailed loss turns towards these weights. Exit
    code 3: the certificate is looser than --rtol. Exit code 4: not separable; the certificate says
    which samples and classes contradict each other.
    """
    from marginflow.cli.errors import UsageError
    from marginflow.limits import InseparabilityCertificate
    from marginflow.limits import max_margin as solve
    from marginflow.limits.max_margin import standard_rtol

    check_output(output, SUFFIXES)
    if rtol is not None and not 0 < rtol < 1:
        raise UsageError(f"--rtol must lie between 0 and 1, got {rtol}.")
    if share is not None and not (face and 0 < share < 1):
        raise UsageError(f"--share goes with --face and lies between 0 and 1, got {share}.")
    if free_intercept and (constant or face):
        other = "--constant" if constant else "--face"
        raise UsageError(f"--free-intercept does not go with {other}; leave one of them out.")
    measured_in = norm_argument(norm)
    argument = DataArgument(
        name=data,
        target=target,
        standardize=standardize,
        constant=constant,
        samples=samples,
        features=features,
        classes=classes,
        seed=seed,
    )
    if free_intercept and not argument.generates:
        argument = replace(argument, constant=False)
    found = argument.load()
    with progress_bar("max margin", wanted=not no_progress):
        result = solve(found, measured_in, free_intercept=free_intercept, rtol=rtol, throw=False)
    separates = not isinstance(result.certificate, InseparabilityCertificate)
    show = _solution if separates else _contradiction
    optima = None
    if face and separates:
        optima = measure(found, result, share or SHARE, seed, progress=not no_progress)
    figures = {
        "data": describe_data(found),
        "norm": result.norm,
        "rtol": rtol or standard_rtol(measured_in, free_intercept=free_intercept),
        **show(found, result),
        **({} if optima is None else {"face": face_figures(optima)}),
        "statistics": result.statistics,
    }
    page = (
        _solution_page(found, result, face_rows(optima))
        if separates
        else _contradiction_page(found, result)
    )
    exit_code, message = OF_STATUS[result.status], result.message
    if isinstance(optima, str) and exit_code == ExitCode.OK:
        exit_code, message = ExitCode.NOT_CONVERGED, optima
    answer = Answer(
        status=result.status if exit_code == OF_STATUS[result.status] else "max_steps",
        message=message,
        exit_code=exit_code,
        figures=figures,
        page=page,
    )
    _write(output, answer, found, result)
    return answer


def _solution(data: "Dataset", result: "MaxMargin") -> dict[str, Any]:
    """The figures of weights that separate."""
    from marginflow.dynamics.direction import euclidean_norm

    dual = _pair_values(data, result.dual, result.support)
    return {
        "margin": result.margin,
        "margin_lower": result.margin_lower,
        "margin_upper": result.margin_upper,
        "relative_gap": result.relative_gap,
        "weights_error_bound": result.weights_error_bound,
        "margins_in": result.margins_in,
        "weights_norm": euclidean_norm(result.weights),
        "weights": result.weights,
        "intercept": result.intercept,
        "support_rank": result.support_rank,
        "next_margin": result.next_margin,
        "min_dual": result.min_dual,
        "active_set_proved": result.active_set_proved,
        "degenerate": result.degenerate,
        "degeneracy": result.degeneracy,
        "support": describe_pairs(data, result.support, dual=dual),
        "certificate": result.certificate,
    }


def _contradiction(data: "Dataset", result: "MaxMargin") -> dict[str, Any]:
    """The figures of a proof that nothing separates."""
    proof: Any = result.certificate
    exact = {} if proof.exact_weights is None else {"exact_weight": proof.exact_weights}
    pairs = describe_pairs(data, proof.pairs, weight=proof.weights.tolist(), **exact)
    return {
        "certificate": {
            "statement": proof.statement,
            "epsilon": proof.epsilon,
            "proved_exactly": proof.proved_exactly,
            "pairs": pairs,
        }
    }


def _solution_page(
    data: "Dataset", result: "MaxMargin", optima: list[tuple[str, Any]]
) -> list[Any]:
    from marginflow.dynamics.direction import euclidean_norm

    n_pairs = data.n_samples * (data.n_classes - 1)
    size = euclidean_norm(result.weights)
    proved = "proved" if result.active_set_proved else "not proved"
    return [
        facts(
            [
                ("data", data_line(data)),
                ("norm", result.norm),
                ("margin", f"{result.margin:.12g}"),
                ("proved between", f"{result.margin_lower:.12g} and {result.margin_upper:.12g}"),
                ("relative gap", f"at most {result.relative_gap:.2g}"),
                ("weights' norm", f"{size:.12g}"),
                *_intercept(result),
                ("weights' error", _error(result.weights_error_bound)),
                *optima,
                ("margin in other norms", _others(result)),
                ("support", f"{len(result.support)} of {n_pairs} pairs; {proved}"),
                ("support rank", result.support_rank),
                ("least dual", result.min_dual),
                ("next margin", result.next_margin),
                ("degeneracy", result.degeneracy or "none"),
            ]
        )
    ]


def _intercept(result: "MaxMargin") -> list[tuple[str, Any]]:
    if result.intercept is None:
        return []
    shown = [f"{value:.6g}" for value in result.intercept.ravel()[:SHOWN]]
    more = ", ..." if result.intercept.size > SHOWN else ""
    return [("intercept", ", ".join(shown) + more)]


def _error(bound: float | None) -> str:
    if bound is None:
        return "no bound: the norm is not curved, and uniqueness is not proved"
    return f"at most {bound:.2g}"


def _others(result: "MaxMargin") -> str:
    """The margin of these weights in every other named norm."""
    others = result.margins_in.items()
    return ", ".join(f"{name} {margin:.6g}" for name, margin in others if name != result.norm)


def _contradiction_page(data: "Dataset", result: "MaxMargin") -> list[Any]:
    proof: Any = result.certificate
    pairs = _contradiction(data, result)["certificate"]["pairs"]
    pairs = sorted(pairs, key=lambda pair: -pair["weight"])
    rows = [[pair["sample"], pair["label"], pair["other"], pair["weight"]] for pair in pairs]
    more = len(rows) - LISTED
    certain = result.status == "not_separable"
    return [
        facts(
            [
                ("data", data_line(data)),
                ("margin", "none: nothing separates the data" if certain else "not decided"),
                ("because", proof.statement),
                ("no margin above", f"{proof.epsilon:.2g}"),
                ("proved exactly", "yes" if proof.proved_exactly else "no"),
            ]
        ),
        table(["sample", "label", "other class", "weight"], rows[:LISTED], title="\nCertificate"),
        *([f"... and {more} more pairs; --json lists them all."] if more > 0 else []),
    ]


def _pair_values(data: "Dataset", dual: Any, support: Any) -> list[float]:
    """The dual of each support pair; (n,) of a binary problem, (n, K) otherwise."""
    samples, others = support[:, 0], support[:, 1]
    return (dual[samples] if dual.ndim == 1 else dual[samples, others]).tolist()


def _write(path: Path | None, answer: Answer, data: "Dataset", result: "MaxMargin") -> None:
    if path is None:
        return
    if path.suffix.lower() == ".json":
        write_json(path, answer.document("marginflow max-margin"))
        return
    arrays = {"classes": data.classes, "feature_names": data.feature_names}
    proof: Any = result.certificate
    if hasattr(proof, "epsilon"):
        arrays |= {"pairs": proof.pairs, "pair_weights": proof.weights, "epsilon": proof.epsilon}
    else:
        names = ["weights", "dual", "support", "margin", "relative_gap", "weights_error_bound"]
        arrays |= {name: getattr(result, name) for name in names}
        if result.intercept is not None:
            arrays["intercept"] = result.intercept
    write_arrays(path, arrays)

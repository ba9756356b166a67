"""`marginflow run`: train, step by step or to any later step, and compare with the limit."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.data_argument import DataArgument
from marginflow.cli.errors import UsageError, as_usage_error
from marginflow.cli.exit_codes import OF_STATUS
from marginflow.cli.learning_rate import FRACTION, LearningRate, choose_learning_rate
from marginflow.cli.loss_argument import LOSS_HELP, load_loss
from marginflow.cli.output_file import (
    check_folder,
    check_output,
    write_arrays,
    write_json,
    write_table,
)
from marginflow.cli.progress_bar import progress_bar
from marginflow.cli.record_argument import RECORD_HELP
from marginflow.cli.run_method import LARGEST_EXACT, STEPS_BY_DEFAULT, Method, choose
from marginflow.cli.run_plan import Plan, carry_out, load_initial
from marginflow.cli.run_report import run_figures, run_page

if TYPE_CHECKING:
    from marginflow.data import Dataset
    from marginflow.dynamics import Trajectory
    from marginflow.limits import MaxMargin

SUFFIXES = (".parquet", ".csv", ".json", ".npz")
METHOD = "Method"


class Reduction(StrEnum):
    """How the samples' losses are put together."""

    SUM = "sum"
    MEAN = "mean"


def run(
    data: options.DataName,
    target: options.Target = None,
    standardize: options.Standardize = None,
    constant: options.Constant = None,
    samples: options.Samples = None,
    features: options.Features = None,
    classes: options.Classes = None,
    seed: options.Seed = 0,
    loss: Annotated[str, typer.Option(metavar="NAME", help=LOSS_HELP)] = "cross-entropy",
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="How many steps: 100000, 1e5000, 10^5000, 10**5000, e^1000000. "
            f"{STEPS_BY_DEFAULT} by default.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    log_time: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="Follow gradient flow to t = e^S instead.", rich_help_panel=METHOD
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option(
            help=f"auto: flow with --log-time; exact up to {LARGEST_EXACT} steps, with "
            "--batch-size, --checkpoint or a hinge; else fast-forward.",
            rich_help_panel=METHOD,
        ),
    ] = Method.AUTO,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            metavar="ETA",
            help=f"By default {FRACTION:g} of the bound below which steps decrease the risk, "
            "where one is known.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    momentum: Annotated[
        float, typer.Option(metavar="BETA", help="Of heavy ball.", rich_help_panel=METHOD)
    ] = 0.0,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="B", help="Samples a step.", rich_help_panel=METHOD),
    ] = None,
    reduction: Annotated[
        Reduction, typer.Option(help="Of the samples' losses.", rich_help_panel=METHOD)
    ] = Reduction.SUM,
    initial: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=options.file_name,
            help="An .npz file with the first weights, as --output writes; zeros by default.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    rtol: Annotated[
        float | None,
        typer.Option(
            metavar="TOL",
            help="The error estimate to reach, by fast-forward or the flow's integrator.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    record: Annotated[
        str, typer.Option(metavar="WHEN", help=RECORD_HELP, rich_help_panel=options.OUTPUT)
    ] = "log:50",
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=options.file_name,
            help="Keep the run in this file, every few seconds and when it is interrupted. The "
            "same command goes on from there.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--no-resume",
            help="Whether to go on from the checkpoint if it is there.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = True,
    limit: Annotated[
        bool,
        typer.Option(
            "--limit/--no-limit",
            help="Whether to compare with the weights of largest margin.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = True,
    output: Annotated[
        Path | None, options.output(".parquet or .csv (records), .json or .npz (all)")
    ] = None,
    json: options.Json = False,
    no_progress: options.NoProgress = False,
    debug: options.Debug = False,
) -> Answer:
    """Train, and compare with the limit.

    Gradient descent step by step, or its iterate after any number of steps, or gradient flow to any
    log time. Ctrl-C ends a run with what was done; with --checkpoint the same command goes on.
    """
    check_output(output, SUFFIXES)
    if checkpoint is not None:
        check_folder("--checkpoint", checkpoint)
    if rtol is not None:
        from marginflow.dynamics.gradient_flow import check_rtol

        with as_usage_error():
            check_rtol(rtol)
    found = DataArgument(
        name=data,
        target=target,
        standardize=standardize,
        constant=constant,
        samples=samples,
        features=features,
        classes=classes,
        seed=seed,
    ).load()
    plan = _plan(
        found,
        loss=loss,
        method=method,
        steps=steps,
        log_time=log_time,
        learning_rate=learning_rate,
        momentum=momentum,
        batch_size=batch_size,
        seed=seed,
        reduction=reduction.value,
        initial=initial,
        record=record,
        rtol=rtol,
        checkpoint=checkpoint,
        resume=resume,
    )
    best, remark = _limit(found) if limit else (None, "not asked for")
    with progress_bar(str(plan.choice.method), wanted=not no_progress) as progress:
        result = carry_out(plan, best, progress)
    answer = Answer(
        status=result.status,
        message=_message(plan, result),
        exit_code=OF_STATUS[result.status],
        figures=run_figures(plan, result, best),
        page=run_page(plan, result, best, remark),
    )
    _write(output, answer, result)
    return answer


def _plan(data: "Dataset", **given: Any) -> Plan:
    """The options as a plan, refused where they do not go together."""
    from marginflow.margins import as_linear_map

    if not 0 <= given["momentum"] < 1:
        raise UsageError(f"--momentum must be at least 0 and below 1, got {given['momentum']}.")
    if given["batch_size"] is not None and given["batch_size"] > data.n_samples:
        raise UsageError(
            f"--batch-size is at most the number of samples, {data.n_samples}, got "
            f"{given['batch_size']}."
        )
    loss = load_loss(given.pop("loss"), data.n_classes)
    only_exact = [
        f"--{name.replace('_', '-')}"
        for name in ("batch_size", "checkpoint")
        if given[name] is not None
    ]
    choice = choose(
        given.pop("method"),
        steps=given.pop("steps"),
        log_time=given.pop("log_time"),
        loss=loss,
        n_classes=data.n_classes,
        only_exact=only_exact,
    )
    shape = as_linear_map(data, "run").weights_shape
    given["initial"] = load_initial(given["initial"], shape)
    asked = given.pop("learning_rate")
    rate: LearningRate | None = None
    if choice.method != Method.FLOW:
        rate = choose_learning_rate(
            asked, data, loss, initial=given["initial"], reduction=given["reduction"]
        )
    elif asked is not None or given["momentum"]:
        raise UsageError("a flow has no learning rate and no momentum; leave them out.")
    return Plan(data=data, loss=loss, choice=choice, learning_rate=rate, **given)


def _limit(data: "Dataset") -> "tuple[MaxMargin | None, str]":
    """The certified limit, or None, and what is to be said of it."""
    from marginflow.limits import max_margin

    found = max_margin(data, throw=False)
    if found.status == "not_separable":
        return None, "none: the data are not linearly separable"
    if found.status != "done":
        return None, f"not certified: {found.message}"
    return found, f"certified, weights' error at most {found.weights_error_bound:.2g}"


def _message(plan: Plan, result: "Trajectory") -> str:
    """The result's sentence, and after Ctrl-C how to go on."""
    if result.status != "interrupted":
        return result.message
    if plan.choice.method != Method.EXACT:
        return result.message
    if plan.checkpoint is None:
        return f"{result.message}  --checkpoint FILE keeps a run on disk."
    return f"{result.message}  {plan.checkpoint} keeps it: the same command goes on from there."


def _write(path: Path | None, answer: Answer, result: "Trajectory") -> None:
    if path is None:
        return
    suffix = path.suffix.lower()
    document = answer.document("marginflow run")
    if suffix == ".json":
        write_json(path, document)
    elif suffix == ".npz":
        records = {"steps": result.steps, "log_time": result.log_time, **result.observables}
        write_arrays(path, {"weights": result.weights, **records})
    else:
        about = {name: value for name, value in document.items() if name != "records"}
        write_table(path, result.to_frame(), about)

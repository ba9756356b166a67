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
from marginflow.cli.optimizer_argument import GRADIENT_DESCENT, Schedule, optimizer_argument
from marginflow.cli.output_file import (
    check_folder,
    check_output,
    write_arrays,
    write_json,
    write_table,
)
from marginflow.cli.progress_bar import progress_bar
from marginflow.cli.record_argument import RECORD_HELP
from marginflow.cli.run_limits import Comparison, compare, norms_of, predict
from marginflow.cli.run_method import LARGEST_EXACT, STEPS_BY_DEFAULT, Method, choose
from marginflow.cli.run_plan import Plan, carry_out, load_initial
from marginflow.cli.run_report import run_figures, run_page

if TYPE_CHECKING:
    from marginflow.data import Dataset
    from marginflow.dynamics import Trajectory

SUFFIXES = (".parquet", ".csv", ".json", ".npz")
METHOD, OPTIMIZER = "Method", "Optimizer"


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
            "--batch-size, --checkpoint, a hinge or an optimizer that no equation takes forward; "
            "else fast-forward.",
            rich_help_panel=METHOD,
        ),
    ] = Method.AUTO,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What makes a step of the gradient: gd, normalized-gd, sign, spectral, muon, adam "
            f"and more; a wrong name lists all. {GRADIENT_DESCENT} by default.",
            rich_help_panel=OPTIMIZER,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A setting of the optimizer, as eps=0, b1=0.9 or norm=l3; can be repeated. A "
            "wrong key lists all.",
            rich_help_panel=OPTIMIZER,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            metavar="ETA",
            help=f"By default {FRACTION:g} of the bound below which steps decrease the risk, "
            "where one is known; for steps of a length of their own, that which changes no margin "
            "by more than 1.",
            rich_help_panel=OPTIMIZER,
        ),
    ] = None,
    schedule: Annotated[
        Schedule | None,
        typer.Option(
            help="Of the learning rate; inverse-sqrt divides it by the root of t + 1 at step t. "
            "constant by default.",
            rich_help_panel=OPTIMIZER,
        ),
    ] = None,
    momentum: Annotated[
        float | None,
        typer.Option(
            metavar="BETA",
            help="Of an optimizer that has it, gd among them.",
            rich_help_panel=OPTIMIZER,
        ),
    ] = None,
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
    norm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NORM",
            help="A norm to compare margins in, as max or l1.5; can be repeated. By default that "
            "which the optimizer goes for.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    output: Annotated[
        Path | None, options.output(".parquet or .csv (records), .json or .npz (all)")
    ] = None,
    json: options.Json = False,
    no_progress: options.NoProgress = False,
    debug: options.Debug = False,
) -> Answer:
    """Train, and compare with the limit.

    Any optimizer step by step, or its iterate after any number of steps where an equation leads
    there, or gradient flow to any log time. Ctrl-C ends a run with what was done; with --checkpoint
    the same command goes on.
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
        optimizer=optimizer,
        option=option or [],
        learning_rate=learning_rate,
        schedule=schedule,
        momentum=momentum,
        norm=norm or [],
        batch_size=batch_size,
        seed=seed,
        reduction=reduction.value,
        initial=initial,
        record=record,
        rtol=rtol,
        checkpoint=checkpoint,
        resume=resume,
    )
    comparison = compare(found, plan.norms) if limit else Comparison(plan.norms)
    with progress_bar(str(plan.choice.method), wanted=not no_progress) as progress:
        result = carry_out(plan, comparison, progress)
    answer = Answer(
        status=result.status,
        message=_message(plan, result),
        exit_code=OF_STATUS[result.status],
        figures=run_figures(plan, result, comparison),
        page=run_page(plan, result, comparison),
    )
    _write(output, answer, result)
    return answer


def _plan(data: "Dataset", **given: Any) -> Plan:
    """The options as a plan, refused where they do not go together."""
    from marginflow.dynamics.continuations import refusal
    from marginflow.margins import as_linear_map

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
    method_options = ("optimizer", "option", "learning_rate", "schedule", "momentum")
    asked = {name: given.pop(name) for name in method_options}
    named = optimizer_argument(
        asked["optimizer"],
        asked["option"],
        schedule=asked["schedule"],
        momentum=asked["momentum"],
    )
    choice = choose(
        given.pop("method"),
        steps=given.pop("steps"),
        log_time=given.pop("log_time"),
        loss=loss,
        n_classes=data.n_classes,
        only_exact=only_exact,
        refusal=refusal(named.make(1.0)),
    )
    shape = as_linear_map(data, "run").weights_shape
    given["initial"] = load_initial(given["initial"], shape)
    rate: LearningRate | None = None
    optimizer = prediction = None
    if choice.method != Method.FLOW:
        rate = choose_learning_rate(
            asked["learning_rate"],
            named,
            data,
            loss,
            initial=given["initial"],
            reduction=given["reduction"],
        )
        optimizer = named.make(rate.value)
        prediction = predict(optimizer, loss, data.n_classes)
    else:
        _refuse_in_a_flow(asked)
    return Plan(
        data=data,
        loss=loss,
        choice=choice,
        optimizer=optimizer,
        named=named,
        learning_rate=rate,
        prediction=prediction,
        norms=norms_of(given.pop("norm"), prediction),
        **given,
    )


def _refuse_in_a_flow(asked: dict[str, Any]) -> None:
    present = [
        f"--{name.replace('_', '-')}" for name, value in asked.items() if value not in (None, [])
    ]
    if present:
        raise UsageError(
            "a flow has no optimizer, no learning rate and no momentum; leave out "
            f"{', '.join(present)}."
        )


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

"""The commands: each asks secant one question and returns its answer as text.

Rules: no short options, so that ``-sin(x)`` and ``-3,4`` need no quoting tricks (what looks like an
unknown short option is an argument); numbers of options may be expressions such as ``pi/4``;
options that are not given are not passed on, so that their defaults stand in one place, the library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import numpy as np

import secant
from secant.cli.expression import ExpressionError, parse_numbers
from secant.cli.functions import Function, FunctionError, LoadError, asked, load, number_at, point_at, together
from secant.cli.journal import journal
from secant.cli.text import FAILED, INTERRUPTED, NOT_OK, OK, Outcome, descent_text, estimate_text, json_text

C = TypeVar("C", bound=Callable[..., Any])

SETTINGS = {"ignore_unknown_options": True, "help_option_names": ["--help"], "max_content_width": 96}

#: Points along each side of the grid on which contours are drawn.
CONTOUR_POINTS = 81


@click.group(context_settings={"help_option_names": ["--help"]})
@click.version_option(secant.__version__, prog_name="secant", message="%(prog)s %(version)s")
def cli() -> None:
    """Print slopes of functions that are typed, or stand in a file, and how far to trust them.

    A function is an expression in x, such as "0.01*x^2 + 0.1*x" or "x[0]**2 + x[1]**2",
    or the name of one in a file: model.py:loss.

    Exit status: 0 ok; 1 the verdict is not ok; 2 what was typed cannot be used; 3 whether a gradient is
    right cannot be told; 4 the function failed; 130 interrupted from the keyboard.
    """


cli.add_command(journal)


def number(_: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Return the number that an option was given."""
    return None if text is None else numbers_of(parameter, text, 1)[0]


def numbers(_: click.Context, parameter: click.Parameter, text: str | None) -> list[float] | None:
    """Return the numbers that an option was given."""
    return None if text is None else numbers_of(parameter, text, None)


def _rate(context: click.Context, parameter: click.Parameter, text: str | None) -> float | str | None:
    return text if text == "auto" else number(context, parameter, text)


def _noise(_: click.Context, parameter: click.Parameter, text: str | None) -> float | list[float] | str | None:
    if text is None or text == "returned":
        return text
    levels = numbers_of(parameter, text, None)
    return levels if len(levels) > 1 else levels[0]


def _pair(_: click.Context, parameter: click.Parameter, text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, high = numbers_of(parameter, text, 2)
    return low, high


def numbers_of(parameter: click.Parameter, text: str, count: int | None) -> list[float]:
    """Return the numbers that an option was given, so many of them or any number."""
    option = parameter.opts[0]
    try:
        found = parse_numbers(text)
    except (ExpressionError, ArithmeticError, ValueError) as error:
        raise click.UsageError(f"`{option}`: {error}; {text!r} came") from None
    if count is not None and len(found) != count:
        raise click.UsageError(f"`{option}` takes {count} number{'s' * (count > 1)}, {len(found)} came: {text!r}")
    return found


def _function(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> Function:
    """Read the one function of most commands."""
    if len(words) > 1:
        _known_options(context, words)
        came = f"{len(words)} came: {' '.join(words)!r}; put quotes around an expression"
        raise click.UsageError(f"one function is needed (an expression in quotes, or file.py:name), {came}", context)
    return _functions(context, parameter, words)[0]


def _functions(context: click.Context, _: click.Parameter, words: tuple[str, ...]) -> list[Function]:
    """Read functions."""
    _known_options(context, words)
    if not words:
        raise click.UsageError("one function is needed (an expression in quotes, or file.py:name), none came", context)
    try:
        return [load(word) for word in words]
    except (ExpressionError, LoadError) as error:
        raise click.UsageError(str(error), context) from None


def _gradient(context: click.Context, parameter: click.Parameter, word: str | None) -> Function | None:
    """Read the gradient of a function."""
    return None if word is None else _functions(context, parameter, (word,))[0]


def _known_options(context: click.Context, words: tuple[str, ...]) -> None:
    """Refuse options that there are not; click hands over whatever it did not know, misspelled options included."""
    for word in words:
        if word.startswith("--"):
            known = [name for parameter in context.command.params for name in parameter.opts]
            raise click.NoSuchOption(word.partition("=")[0], possibilities=sorted(set(known)), ctx=context)


def function_argument(command: C) -> C:
    """Add the function, EXPR or file.py:name."""
    return click.argument("function", nargs=-1, metavar="FUNCTION", callback=_function)(command)


def at_option(text: str) -> Callable[[C], C]:
    """Return what adds the point to look at."""
    return click.option("--at", required=True, metavar="X", callback=numbers, help=text)


at_number = at_option("The point, a number: 5, or pi/4.")
at_vector = at_option("The point: 3,4, or 5 for a function of one number.")


def json_option(command: C) -> C:
    """Add the choice of JSON; a function that fails is then told in JSON as well."""

    @wraps(command)
    def answered(*arguments: Any, as_json: bool, **options: Any) -> Outcome:
        try:
            return cast(Outcome, command(*arguments, as_json=as_json, **options))
        except FunctionError as error:
            if not as_json:
                raise
            told = {"secant": 1, "type": "Error", "error": error.kind, "message": str(error), "status": FAILED}
            return Outcome(json_text(told), FAILED, str(error))

    return cast(C, click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(answered))


def dry_run_option(command: C) -> C:
    """Add the choice to be told the price only."""
    return click.option("--dry-run", is_flag=True, help="Say what it would cost, from one call of the function.")(
        command
    )


def deadline_option(command: C) -> C:
    """Add the time after which the best so far has to do."""
    return click.option(
        "--deadline", metavar="SECONDS", callback=number, help="Say what is known by then; Ctrl-C: at once."
    )(command)


def how_options(command: C) -> C:
    """Add how the function is evaluated; progress is shown where somebody may be looking."""

    @wraps(command)
    def evaluated(*arguments: Any, **options: Any) -> Outcome:
        if not options.get("dry_run") and sys.stderr is not None and sys.stderr.isatty():
            options["progress"] = True
        return cast(Outcome, command(*arguments, **options))

    options = [
        click.option(
            "--workers", type=click.IntRange(1), metavar="N", help="Evaluate in N processes, where that pays."
        ),
        click.option(
            "--journal", type=click.Path(), metavar="FILE", help="Keep every value there; started again, go on."
        ),
        click.option(
            "--timeout", metavar="SECONDS", callback=number, help="With --workers: end a call that takes longer."
        ),
        deadline_option,
    ]
    made: Any = evaluated
    for option in reversed(options):
        made = option(made)
    return cast(C, made)


#: Options of a derivative by name, in the library's order.
NUMERICAL: Mapping[str, Mapping[str, Any]] = {
    "--method": {
        "type": click.Choice(["auto", "central", "forward", "backward", "complex"]),
        "help": "The differences to use, or the complex step; auto.",
    },
    "--step": {"metavar": "H", "callback": number, "help": "A fixed step, as in a textbook; no error bar."},
    "--bounds": {"metavar": "LOW,HIGH", "callback": _pair, "help": "Never evaluate outside; inf where there is none."},
    "--max-step": {"metavar": "H", "callback": number, "help": "Never go further from x than this."},
    "--noise": {
        "metavar": "LEVEL",
        "callback": _noise,
        "help": "The absolute size of f's own error, also one a value; or returned: f gives (value, error).",
    },
    "--rtol": {
        "metavar": "R",
        "callback": number,
        "help": "Stop at this relative error; 0: as exact as f allows.",
    },
    "--max-evaluations": {"type": click.IntRange(1), "metavar": "N", "help": "Never call f more often than this."},
    "--scale": {"metavar": "LENGTH", "callback": number, "help": "Look at the slope over this length as well."},
}


def real_options(*names: str) -> Callable[[C], C]:
    """Return what adds the options of these names."""

    def added(command: C) -> C:
        for name in reversed(names):
            command = click.option(name, **NUMERICAL[name])(command)
        return command

    return added


def numerical_options(command: C) -> C:
    """Add the options that every derivative takes."""
    return real_options(*NUMERICAL)(how_options(command))


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _estimate(estimate: secant.Estimate, as_json: bool) -> Outcome:
    text = estimate.to_json() if as_json else estimate_text(estimate)
    return Outcome(text, status(estimate.ok, estimate.stopped))


def status(good: bool, stopped: str) -> int:
    """Return the exit status of an answer."""
    if stopped == "keyboard":
        return INTERRUPTED
    return OK if good else NOT_OK


def priced(price: secant.Price, as_json: bool) -> Outcome:
    """Return a price as it is printed."""
    return Outcome(price.to_json() if as_json else str(price))


@cli.command(context_settings=SETTINGS, short_help="The derivative of a function of one number.")
@function_argument
@at_number
@click.option("--order", type=click.IntRange(1, 8), metavar="P", help="The order of the derivative; 1.")
@numerical_options
@dry_run_option
@json_option
def diff(function: Function, at: list[float], dry_run: bool, as_json: bool, **options: Any) -> Outcome:
    """Print the derivative of a function of one number, with its error bar and a verdict.

    \b
    secant diff "0.01*x^2 + 0.1*x" --at 5
    secant diff "abs(x)" --at 0
    secant diff "sin(x)" --at 1 --order 2
    """
    x = number_at(function, at)
    if dry_run:
        return priced(asked(function, lambda f: secant.price(secant.derivative, f, x, **_given(options))), as_json)
    return _estimate(asked(function, lambda f: secant.derivative(f, x, **_given(options))), as_json)


@cli.command(context_settings=SETTINGS, short_help="The gradient of a function of several numbers.")
@function_argument
@at_vector
@numerical_options
@dry_run_option
@json_option
def gradient(function: Function, at: list[float], dry_run: bool, as_json: bool, **options: Any) -> Outcome:
    """Print the gradient of a function of several numbers, entry by entry.

    \b
    secant gradient "x[0]**2 + x[1]**2" --at 3,4
    """
    x = point_at(function, at)
    if dry_run:
        return priced(asked(function, lambda f: secant.price(secant.gradient, f, x, **_given(options))), as_json)
    return _estimate(asked(function, lambda f: secant.gradient(f, x, **_given(options))), as_json)


@cli.command(context_settings=SETTINGS, short_help="The Jacobian of one or several functions.")
@click.argument("functions", nargs=-1, metavar="FUNCTION...", callback=_functions)
@at_vector
@click.option("--sparsity", type=click.Choice(["detect"]), help="Find out where entries are not 0; needs scipy.")
@numerical_options
@dry_run_option
@json_option
def jacobian(functions: list[Function], at: list[float], dry_run: bool, as_json: bool, **options: Any) -> Outcome:
    """Print the slopes of several functions, or of one that returns several values, entry by entry.

    \b
    secant jacobian "x[0]*x[1]" "sin(x[0])" --at 3,4
    secant jacobian "x^2" --at 1,2,3 --sparsity detect
    """
    points = [point_at(function, at) for function in functions]
    x = next((point for point in points if isinstance(point, np.ndarray)), points[0])
    function = together(functions)
    if dry_run:
        return priced(asked(function, lambda f: secant.price(secant.jacobian, f, x, **_given(options))), as_json)
    return _estimate(asked(function, lambda f: secant.jacobian(f, x, **_given(options))), as_json)


@cli.command(context_settings=SETTINGS, short_help="All second derivatives of a function of several numbers.")
@function_argument
@at_vector
@click.option(
    "--gradient", metavar="FUNCTION", callback=_gradient, help="Its gradient: differentiate that, which is more exact."
)
@click.option("--sparsity", type=click.Choice(["detect"]), help="Find out where entries are not 0; needs scipy.")
@real_options(*(name for name in NUMERICAL if name != "--scale"))
@how_options
@dry_run_option
@json_option
def hessian(
    function: Function, at: list[float], gradient: Function | None, dry_run: bool, as_json: bool, **options: Any
) -> Outcome:
    """Print the second derivatives of a function of several numbers, entry by entry.

    \b
    secant hessian "x[0]**2 * x[1]" --at 3,4
    secant hessian "x[0]**2 + x[1]**2" --gradient "2*x" --at 3,4
    secant hessian "x[0]*x[1] + x[2]^2" --at 1,2,3 --sparsity detect
    """
    x, given = point_at(function, at), _given(options)
    if gradient is not None:
        if dry_run:
            raise click.UsageError("`--dry-run` says what values of the function would cost; leave out `--gradient`")
        return _estimate(asked(gradient, lambda g: secant.hessian(None, x, gradient=g, **given), "gradient"), as_json)
    if dry_run:
        return priced(asked(function, lambda f: secant.price(secant.hessian, f, x, **given)), as_json)
    return _estimate(asked(function, lambda f: secant.hessian(f, x, **given)), as_json)


@cli.command(context_settings=SETTINGS, short_help="The error of a fixed step against the step.")
@function_argument
@at_number
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw it: .svg, .png or .pdf."
)
@json_option
def steps(function: Function, at: list[float], save: Path | None, as_json: bool) -> Outcome:
    """Print the error of a fixed step against the step, and secant's own answer beside it.

    \b
    secant steps "exp(x)" --at 1 --save steps.svg
    """
    x = number_at(function, at)
    study = asked(function, lambda f: secant.steps(f, x))
    if save is not None:
        from secant import plots

        plots.save(plots.error_against_step(study, title=f"{function.name} at {x:g}: error against step"), save)
    return Outcome(study.to_json() if as_json else str(study), OK if study.estimate.ok else NOT_OK)


@cli.command(context_settings=SETTINGS, short_help="Gradient descent, and how it went and why.")
@function_argument
@click.option("--start", required=True, metavar="X", callback=numbers, help="Where to begin: -3,4.")
@click.option("--lr", metavar="RATE", callback=_rate, help="The learning rate, or auto: measured; 0.01.")
@click.option("--rule", type=click.Choice(["plain", "momentum", "adagrad", "adam"]), help="How steps are made; plain.")
@click.option("--iterations", type=click.IntRange(0), metavar="N", help="The number of steps; 100 is the default.")
@click.option("--step", metavar="H", callback=number, help="A fixed difference step, such as the notes' 1e-4.")
@how_options
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw it: .svg, .png or .pdf."
)
@dry_run_option
@json_option
def descend(
    function: Function,
    start: list[float],
    step: float | None,
    save: Path | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> Outcome:
    """Go downhill by gradient descent, and say how that went and why.

    \b
    secant descend "x[0]**2 + x[1]**2" --start -3,4 --lr 0.1
    secant descend "x[0]**2 + x[1]**2" --start -3,4 --lr 10 --step 1e-4
    secant descend "x[0]**2 + 9*x[1]**2" --start -3,4 --lr auto --rule adam
    """
    x0 = point_at(function, start)
    fixed: dict[str, Any] = {} if step is None else {"step": step, "method": "central"}
    how = {**_given(options), **fixed}
    if dry_run:
        return priced(asked(function, lambda f: secant.price(secant.gradient_descent, f, x0, **how)), as_json)
    descent = asked(function, lambda f: secant.gradient_descent(f, x0, **how))
    if save is not None:
        draw(function, descent, save, f"lr {descent.lr:g}")
    text = descent.to_json() if as_json else descent_text(descent)
    return Outcome(text, status(descent.success, descent.stopped))


def draw(function: Function, descent: secant.Descent, path: Path, label: str) -> None:
    """Draw a descent under a label; in two variables on contours, around the part of the path near the start."""
    from secant import plots

    points = np.asarray(descent.path)
    if points.shape[1] != 2:
        plots.save(plots.descent_paths({label: descent}, title=function.name), path)
        return
    # The frame holds the start, the steps that stay within ten times its size, and a margin.
    near = points[np.all(np.abs(points) <= 10.0 * (1.0 + np.abs(points[0]).max()), axis=1)]
    low, high = near.min(axis=0), near.max(axis=0)
    margin = 0.25 * max((high - low).max(), 1.0)
    X, Y = np.meshgrid(*(np.linspace(low[i] - margin, high[i] + margin, CONTOUR_POINTS) for i in range(2)))
    Z = np.full(X.shape, np.nan)
    for place in np.ndindex(X.shape):
        try:
            Z[place] = function.call(np.array([X[place], Y[place]]))
        except (ArithmeticError, ValueError):
            continue  # outside the domain of f there is no contour
    plots.save(plots.descent_paths({label: descent}, X, Y, Z, title=function.name), path)


@cli.command(context_settings=SETTINGS, short_help="The notes secant grew from, row by row.")
@click.option("--row", type=click.IntRange(1, 16), metavar="N", help="Only this row.")
@click.option(
    "--save", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Draw the four pictures there."
)
@json_option
def tour(row: int | None, save: Path | None, as_json: bool) -> Outcome:
    """Go through the notes that secant grew from, row by row: what they print, what secant says, and why.

    Exit status 0: every row came out as it should (row 16 does not agree with the notes, and should not).
    """
    from secant.cli.tour import take

    return take(row, save, as_json)

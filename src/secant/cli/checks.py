"""``secant check``: whether a gradient that stands in a file is the one that its function has.

The point is numbers with commas between them, or a file: ``.npz`` (its arrays by name; one alone stands for itself),
``.npy``, or ``.json`` (numbers, lists, objects). Nothing in a file is executed or unpickled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

import secant
from secant.cli.commands import SETTINGS, cli, how_options, json_option, number, numbers_of, real_options
from secant.cli.expression import ExpressionError
from secant.cli.functions import Function, LoadError, asked, load, point_at
from secant.cli.text import CANNOT_TELL, NOT_OK, OK, Outcome, filled

#: What each verdict is as an exit status.
STATUS = {
    secant.CheckVerdict.AGREE: OK,
    secant.CheckVerdict.DISAGREE: NOT_OK,
    secant.CheckVerdict.CANNOT_TELL: CANNOT_TELL,
}


def _pair(context: click.Context, _: click.Parameter, words: tuple[str, ...]) -> tuple[Function, Function | None]:
    """Read the function and its gradient."""
    for word in words:
        if word.startswith("--"):
            known = [name for parameter in context.command.params for name in parameter.opts]
            raise click.NoSuchOption(word.partition("=")[0], possibilities=sorted(set(known)), ctx=context)
    if not 1 <= len(words) <= 2:
        came = f"{len(words)} came: {' '.join(words)!r}" if words else "none came"
        raise click.UsageError(
            f"a function and its gradient are needed, or one function that returns (value, gradient); {came}", context
        )
    try:
        return load(words[0]), load(words[1]) if len(words) == 2 else None
    except (ExpressionError, LoadError) as error:
        raise click.UsageError(str(error), context) from None


def _point(_: click.Context, parameter: click.Parameter, text: str) -> Any:
    """Read the point: a list of numbers, or what a file holds."""
    path = Path(text)
    if path.suffix not in (".npz", ".npy", ".json"):
        return numbers_of(parameter, text, None)
    if not path.is_file():
        raise click.UsageError(f"`{parameter.opts[0]}`: there is no file {path}")
    try:
        if path.suffix == ".json":
            return _arrays(json.loads(path.read_text(encoding="utf-8")))
        loaded = np.load(path, allow_pickle=False)
        if path.suffix == ".npy":
            return loaded
        with loaded:
            found = dict(loaded)
        return next(iter(found.values())) if len(found) == 1 else found
    except (ValueError, OSError, RecursionError) as error:
        raise click.UsageError(f"`{parameter.opts[0]}`: {path} cannot be read: {error}") from None


def _arrays(found: Any) -> Any:
    """Return what JSON holds as numbers, arrays and dicts of them."""
    if isinstance(found, dict):
        return {key: _arrays(item) for key, item in found.items()}
    if isinstance(found, list):
        return np.array(found, dtype=float)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"numbers, lists and objects of them are allowed; got {found!r:.40}")
    return float(found)


@cli.command(context_settings=SETTINGS, short_help="Whether a gradient is the one that its function has.")
@click.argument("function", nargs=-1, metavar="FUNCTION [GRADIENT]", callback=_pair)
@click.option(
    "--at", required=True, metavar="X", callback=_point, help="The point: 3,4, or a file: start.npz, .npy or .json."
)
@real_options("--bounds", "--max-step")
@click.option("--noise", metavar="LEVEL", callback=number, help="The absolute size of f's own error.")
@real_options("--max-evaluations")
@how_options
@json_option
def check(function: tuple[Function, Function | None], at: Any, as_json: bool, **options: Any) -> Outcome:
    """Check a gradient against the values of its function, and name the entries that are wrong.

    Both are expressions, or names in files: model.py:loss model.py:grad_loss. Without GRADIENT the function returns
    (value, gradient). Exit status 0: agree; 1: disagree; 3: cannot tell.

    \b
    secant check "sin(x)" "cos(x)" --at 1
    secant check "sin(x)" "-cos(x)" --at 1
    """
    value, gradient = function
    x = point_at(value, at) if isinstance(at, list) else at
    how = {name: value for name, value in options.items() if value is not None}
    if gradient is None:
        found = asked(value, lambda f: secant.check_gradient(f, True, x, **how))
    else:
        found = asked(
            gradient,
            lambda grad: asked(value, lambda f: secant.check_gradient(f, grad, x, **how)),
            "the gradient",
        )
    if as_json:
        return Outcome(found.to_json(), STATUS[found.verdict])
    lines = str(found).split("\n")
    words = [filled("", line) if line.startswith(("hint: ", "note: ", "wrong: ")) else line for line in lines]
    return Outcome("\n".join(words), STATUS[found.verdict])

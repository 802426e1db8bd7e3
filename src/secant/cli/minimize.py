"""``secant minimize``: a minimum of a function from its values, with how the search ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

import secant
from secant.cli.commands import (
    SETTINGS,
    cli,
    draw,
    dry_run_option,
    function_argument,
    how_options,
    json_option,
    number,
    numbers,
    priced,
    real_options,
    status,
)
from secant.cli.functions import Function, asked, point_at
from secant.cli.text import Outcome, minimum_text


def _level(context: click.Context, parameter: click.Parameter, text: str | None) -> float | str | None:
    return text if text == "returned" else number(context, parameter, text)


@cli.command(context_settings=SETTINGS, short_help="A minimum, and whether it is one.")
@function_argument
@click.option("--start", required=True, metavar="X", callback=numbers, help="Where to begin: -3,4.")
@real_options("--bounds")
@click.option(
    "--noise",
    metavar="LEVEL",
    callback=_level,
    help="The absolute size of f's own error, where it is known; or returned: f gives (value, error).",
)
@click.option(
    "--rtol", metavar="R", callback=number, help="Leave what promises less than this share of the fall so far; 1e-15."
)
@real_options("--max-evaluations")
@how_options
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw it: .svg, .png or .pdf."
)
@dry_run_option
@json_option
def minimize(
    function: Function, start: list[float], save: Path | None, dry_run: bool, as_json: bool, **options: Any
) -> Outcome:
    """Look for a minimum of a function near a point, from its values alone, noisy ones as well.

    Exit status 0: a minimum, as far as values show; 1: another end, which is said.

    \b
    secant minimize "(1 - x[0])^2 + 100*(x[1] - x[0]^2)^2" --start -1.2,1
    secant minimize "(x - 3)^2" --start 0 --bounds 0,2
    """
    x0 = point_at(function, start)
    how = {name: value for name, value in options.items() if value is not None}
    if dry_run:
        return priced(asked(function, lambda f: secant.price(secant.minimize, f, x0, **how)), as_json)
    found = asked(function, lambda f: secant.minimize(f, x0, **how))
    if save is not None and np.all(np.isfinite(found.path)):
        draw(function, found, save, "minimize")
    return Outcome(found.to_json() if as_json else minimum_text(found), status(found.success, found.stopped))

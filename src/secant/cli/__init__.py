"""The command line: ``secant diff``, ``jacobian``, ``check``, ``descend``, ``minimize``, ``tour`` and so on.

``python -m secant`` is the same.

Exit status: 0 the answer is ok; 1 the verdict is not ok; 2 what was typed cannot be used; 3 whether a gradient is right
cannot be told; 4 the function failed where it must not: it raised, or returned what is no number; 130 interrupted from
the keyboard. Whatever goes wrong is said in one line on standard error, without a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

import secant
from secant.cli.checks import check as _check  # noqa: F401  # a command is there once its module is loaded
from secant.cli.commands import cli
from secant.cli.expression import ExpressionError
from secant.cli.functions import FunctionError, LoadError
from secant.cli.minimize import minimize as _minimize  # noqa: F401
from secant.cli.text import FAILED, INTERRUPTED, NOT_OK, OK, USAGE, Outcome, plain

__all__ = ["cli", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    >>> main(["diff", "x^2", "--at", "one"])  # what was wrong is said on standard error
    2
    """
    try:
        result = cli.main(arguments, prog_name="secant", standalone_mode=False)
        if isinstance(result, Outcome):
            if result.complaint:
                _complain(result.complaint, result.status)
            click.echo(plain(result.text))
            sys.stdout.flush()
            return result.status
        return result if isinstance(result, int) else OK
    except BrokenPipeError:
        # The reader has gone (`| head`). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_OK
    except click.Abort:
        return _complain("interrupted", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        return _complain(error.format_message(), USAGE)
    except (ExpressionError, LoadError, secant.SecantError, OSError) as error:
        return _complain(str(error), USAGE)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("matplotlib", "scipy"):
            raise
        return _complain("; ".join([str(error), *getattr(error, "__notes__", [])]), USAGE)
    except FunctionError as error:
        return _complain(str(error), FAILED)


def _complain(message: str, status: int) -> int:
    click.echo(plain(f"secant: {' '.join(message.split())}"), err=True)
    return status

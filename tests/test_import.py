"""``import secant`` loads NumPy and nothing else; the rest comes when it is used."""

import subprocess
import sys


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_only_numpy_is_imported() -> None:
    assert loaded("import secant") - loaded("import numpy") - sys.stdlib_module_names == {"secant"}


def test_a_number_needs_no_trees_and_no_frameworks() -> None:
    code = (
        "import math, numpy, secant; secant.derivative(math.sin, 1.0); secant.gradient(lambda x: x @ x, numpy.ones(3))"
    )
    assert not {"optree", "torch", "jax", "scipy", "matplotlib", "click"} & loaded(code)

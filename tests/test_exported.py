"""The public names: all of them work, none is there by accident, and nothing but NumPy is loaded for them at first."""

import json
import subprocess
import sys

import pytest

import secant

LOADED = """
import json, sys
before = set(sys.modules)
import secant
print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)))
"""


def test_names_are_sorted_and_unique() -> None:
    assert list(secant.__all__) == sorted(set(secant.__all__))


@pytest.mark.parametrize("name", secant.__all__)
def test_every_name_is_there(name: str) -> None:
    assert not name.startswith("_") or name == "__version__"
    assert getattr(secant, name) is getattr(secant, name)


def test_nothing_else_is_public() -> None:
    for name in secant.__all__:
        getattr(secant, name)
    ours = {name for name, value in vars(secant).items() if getattr(value, "__module__", "").startswith("secant")}
    assert {name for name in ours if not name.startswith("_")} <= set(secant.__all__)
    assert {name for name in dir(secant) if not name.startswith("_")} == set(secant.__all__) - {"__version__"}


def test_star_import_brings_exactly_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from secant import *", namespace)
    assert namespace.keys() - {"__builtins__"} == set(secant.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="derivativ"):
        secant.derivativ  # noqa: B018


def test_only_numpy_is_loaded_at_first() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) <= {"numpy", "secant"}

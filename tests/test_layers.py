"""Imports point downwards only: the layers of docs/architecture.md, read off the syntax trees."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
CORE = {
    0: (
        "checked",
        "coloring",
        "columns",
        "errors",
        "kept",
        "leaves",
        "measures",
        "request",
        "results",
        "rules",
        "serialize",
        "verdicts",
    ),
    1: ("stencils", "noise", "tableau", "windows", "board"),
    2: (
        "arrays",
        "coarse",
        "edges",
        "extrapolate",
        "few",
        "fitting",
        "flock",
        "higher",
        "ladder",
        "lanes",
        "line",
        "orders",
        "probes",
        "refine",
        "scale",
        "told",
    ),
    3: (
        "across",
        "bends",
        "certain",
        "check",
        "colored",
        "couplings",
        "culprits",
        "curvature",
        "descent",
        "detection",
        "diagnosis",
        "differences",
        "groups",
        "hessians",
        "imaginary",
        "levels",
        "looks",
        "minimize",
        "mirrored",
        "model",
        "near",
        "operators",
        "pace",
        "pool",
        "quasi",
        "region",
        "salvage",
        "search",
        "shortfall",
        "sightings",
        "sparse",
        "stride",
    ),
}
LAYERS = {f"secant.core.{name}": layer for layer, names in CORE.items() for name in names}
LAYERS |= {"secant._version": 0, "secant.evaluation": 4, "secant._api": 5}
LAYERS |= {f"secant.{name}": 6 for name in ("__main__", "_inputs", "book", "cli", "jax", "nn", "plots", "torch")}
LAYERS["pytest_secant"] = 6
#: Packages that only hold others, and the door: it opens on everything, and only the top layer comes in through it.
HOLDERS = {"secant.core": 0, "secant": 6}
#: All that the evaluation may know of the core.
CONVERSATION = {f"secant.core.{name}" for name in ("request", "results", "kept", "errors", "verdicts")}
CONVERSATION |= {"secant._version"}  # a journal says who wrote it
#: The core is deterministic: it reads no clock and draws no numbers of its own.
CLOCKS = {"time", "datetime", "random", "secrets"}
#: What the core imports besides, when it is asked to: an answer in SciPy's own form is one of SciPy's objects.
ASKED = {("secant.core.results", "scipy.optimize")}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def layer(module: str) -> int:
    if module in HOLDERS:
        return HOLDERS[module]
    fits = [LAYERS[name] for name in LAYERS if module == name or module.startswith(name + ".")]
    assert fits, f"{module} has no layer: give it one in {Path(__file__).name}"
    return fits[0]


MODULES = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in whole)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module: str) -> None:
    own = layer(module)
    for target in imports(MODULES[module]):
        if target.split(".")[0] != "secant":
            known = (sys.stdlib_module_names - CLOCKS) | {"numpy"}
            allowed = target.split(".")[0] in known or (module, target) in ASKED
            assert own > 3 or allowed, f"{module} (core) imports {target}"
            continue
        assert layer(target) <= own, f"{module} (layer {own}) imports {target} (layer {layer(target)})"
        if own == 4:
            assert target in CONVERSATION or target.startswith("secant.evaluation"), f"{module} imports {target}"
        if own == 6 and module != "secant":
            assert layer(target) == 6, f"{module} imports {target}: above the door only public names are used"

"""The rules of the house that no linter knows, and the rule that a complete machine skips nothing."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MODULE_LINES, FUNCTION_LINES = 450, 60
Function = ast.FunctionDef | ast.AsyncFunctionDef

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def size(function: Function) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= (function.body[0].end_lineno or 0) - function.body[0].lineno + 1
    return lines


def public(node: ast.AST) -> Iterator[Function | ast.ClassDef]:
    """Public functions and classes, methods included; what is inside a function is nobody else's."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            if not child.name.startswith("_"):
                yield child
                if isinstance(child, ast.ClassDef):
                    yield from public(child)
        else:
            yield from public(child)


@each_source
def test_modules_and_functions_are_short(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= MODULE_LINES
    long = {node.name: size(node) for node in ast.walk(parse(path)) if isinstance(node, Function)}
    assert {name: lines for name, lines in long.items() if lines > FUNCTION_LINES} == {}


@each_source
def test_what_is_public_is_documented(path: Path) -> None:
    tree = parse(path)
    assert ast.get_docstring(tree) or not tree.body, "a module opens with its rules and its theory"
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []


SKIPPING = """
import pytest

@pytest.mark.needs("no_such_package")
def test_marked(): ...

@pytest.mark.skipif(True, reason="no_such_package is missing")
def test_skipif(): ...

def test_inside():
    pytest.importorskip("no_such_package")

def test_platform():
    pytest.skip("platform: no such device")

@pytest.mark.xfail
def test_expected():
    raise AssertionError
"""
WHOLE = 'import pytest\npytest.importorskip("no_such_package")\n'


@pytest.mark.parametrize(
    "require, summary",
    [("", "4 skipped, 1 xfailed"), ("0", "4 skipped, 1 xfailed"), ("1", "1 failed, 1 skipped, 1 xfailed, 2 errors")],
)
def test_a_skip_fails_where_everything_is_required(tmp_path: Path, require: str, summary: str) -> None:
    done = run_pytest(tmp_path, SKIPPING, require)
    assert summary in done.stdout
    assert done.returncode == (1 if require == "1" else 0)


@pytest.mark.parametrize("require, summary", [("", "1 skipped"), ("1", "1 error")])
def test_a_skipped_module_is_no_different(tmp_path: Path, require: str, summary: str) -> None:
    assert summary in run_pytest(tmp_path, WHOLE, require).stdout


def run_pytest(folder: Path, text: str, require: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_sample.py").write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = needs\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**os.environ, "SECANT_REQUIRE_ALL": require, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )

"""Typed expressions: text in, a function of ``x`` out, and nothing typed is ever executed.

The text is parsed into Python's syntax tree, the tree is held against a list of what is allowed, and
closures are built from it node by node; neither ``eval`` nor ``compile`` to code is used. Rules:

* ``^`` becomes ``**`` *before* parsing: Python's own ``^`` binds weaker than ``+``, so that
  ``0.01*x^2 + 0.1*x`` would be read as ``(0.01*x)^(2 + 0.1*x)``.
* Numbers are floats; an index is a plain integer; the one variable is ``x`` (a number, or a vector
  as ``x[0], x[1], ...`` or whole, as in ``sum(x**2)``).
* ASCII only: Python reads look-alike letters as the letter they look like, which a reader cannot see.
* Limits: 2000 characters, 500 nodes, depth 60; a tree is measured before anything recursive sees it.

What is not on the list does not exist here: attributes, strings, lambdas, comprehensions, keyword
arguments, assignments, complex numbers, calls of anything but the words of ``vocabulary``.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from secant.cli.vocabulary import CONSTANTS, FUNCTIONS, as_number, power, real_only, truth

MAX_CHARACTERS, MAX_NODES, MAX_DEPTH = 2000, 500, 60

Closure: TypeAlias = Callable[[Any], Any]

BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: real_only("//", operator.floordiv),
    ast.Mod: real_only("%", operator.mod),
    ast.Pow: power,
}
UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: lambda value: as_number(not truth(value)),
}
COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: real_only("<", operator.lt),
    ast.LtE: real_only("<=", operator.le),
    ast.Gt: real_only(">", operator.gt),
    ast.GtE: real_only(">=", operator.ge),
    ast.Eq: real_only("==", operator.eq),
    ast.NotEq: real_only("!=", operator.ne),
}

#: What a person may have meant by a piece of syntax that is not on the list.
NAMED: Mapping[type[ast.AST], str] = {
    ast.Attribute: "a dot after a name",
    ast.Lambda: "a lambda",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "a string",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Starred: "a starred argument",
    ast.List: "a list",
    ast.Tuple: "a comma outside the arguments of a function",
    ast.Slice: "a slice",
}

#: The pieces of a text in which something is missing: words, numbers (``2x`` is two pieces), anything else one by one.
PIECES = re.compile(r"[A-Za-z_]\w*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|\S")
KEYWORDS = frozenset(keyword.kwlist)


class ExpressionError(ValueError):
    """An expression is not one that can be read; ``column`` (from 1) is where, and the message says so."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.column = column


@dataclass(frozen=True, slots=True)
class Expression:
    """A function of ``x`` that was typed; of complex numbers too, as far as its words are analytic.

    ``indices`` are those in ``x[0], x[1], ...``; ``whole`` says that ``x`` also stands by itself.
    """

    text: str
    indices: frozenset[int]
    whole: bool
    body: Closure = field(repr=False, compare=False)

    def __call__(self, x: Any) -> Any:
        if (isinstance(x, np.ndarray) and x.ndim) or isinstance(x, complex):
            # NumPy would warn on standard error at every point outside the domain; NaN says it already.
            with np.errstate(all="ignore"):
                return self.body(x)
        return self.body(float(x))


def parse(text: str) -> Expression:
    """Read an expression in ``x``; raise :class:`ExpressionError` where it cannot be one.

    >>> f = parse("0.01*x^2 + 0.1*x")
    >>> f(5.0)
    0.75
    >>> parse("x[0]**2 + x[1]**2").indices == {0, 1}
    True
    >>> parse("x.real")
    Traceback (most recent call last):
    secant.cli.expression.ExpressionError: a dot after a name is not allowed in an expression (column 1)
    """
    source = _Source.of(text)
    tree = source.tree()
    indices, whole = _uses(source, tree)
    return Expression(text.strip(), indices, whole, _build(source, tree))


def parse_numbers(text: str, least: int = 1) -> list[float]:
    """Read numbers separated by commas; each may be an expression without ``x``, such as ``pi/4``.

    >>> parse_numbers("-3, pi/4, 2^-10")
    [-3.0, 0.7853981633974483, 0.0009765625]
    """
    numbers = []
    start = 0
    for piece in text.removesuffix(",").split(","):
        expression = parse(piece)
        if expression.whole or expression.indices:
            raise ExpressionError("`x` has no value here; a number is needed", start + 1)
        numbers.append(float(expression(0.0)))
        start += len(piece) + 1
    if len(numbers) < least:
        raise ExpressionError(f"{least} numbers separated by commas are needed, {len(numbers)} came", 1)
    return numbers


@dataclass(frozen=True, slots=True)
class _Source:
    """The text as typed, the text as parsed, and the column of each of its characters in the first."""

    typed: str
    parsed: str
    columns: Sequence[int]

    @classmethod
    def of(cls, text: str) -> _Source:
        if len(text) > MAX_CHARACTERS:
            limit = f"an expression has at most {MAX_CHARACTERS} characters; this one has {len(text)}"
            raise ExpressionError(limit, MAX_CHARACTERS)
        for column, character in enumerate(text, 1):
            if not (" " <= character <= "~" or character == "\t"):
                code = f"U+{ord(character):04X}"
                raise ExpressionError(f"an expression is plain ASCII; character {code} is not allowed", column)
            if character in "#\\":
                raise ExpressionError(f"character {character!r} is not allowed in an expression", column)
        if not text.strip():
            raise ExpressionError("an expression in `x` is needed; it is empty", 1)
        parsed, columns = [], []
        lead = len(text) - len(text.lstrip())
        for column, character in enumerate(text[lead:], lead + 1):
            piece = "**" if character == "^" else character
            parsed.append(piece)
            columns.extend([column] * len(piece))
        return cls(text, "".join(parsed), columns)

    def column(self, offset: int) -> int:
        return self.columns[min(max(offset, 0), len(self.columns) - 1)]

    def error(self, message: str, node: ast.AST) -> ExpressionError:
        return ExpressionError(message, self.column(getattr(node, "col_offset", 0)))

    def unread(self, error: SyntaxError) -> ExpressionError:
        """Say what is missing, where two pieces or the end show it; else what Python's parser says."""
        pieces = list(PIECES.finditer(self.typed))
        for left, right in pairwise(pieces):
            if _ends(left[0]) and _begins(right[0]) and not (right[0] == "(" and left[0][0].isalpha()):
                message = f"an operator is missing between `{left[0]}` and `{right[0]}`; a product is written with `*`"
                if left[0] in FUNCTIONS:
                    message = f"`{left[0]}` is a function; write {left[0]}(...)"
                return ExpressionError(f"cannot read the expression: {message}", right.start() + 1)
        last = pieces[-1][0]
        if last in KEYWORDS or last in "+-*/%^<>=":
            return ExpressionError(f"cannot read the expression: something is missing after `{last}`", len(self.typed))
        message, column = (error.msg or "invalid syntax").split(". ")[0], self.column((error.offset or 1) - 1)
        return ExpressionError(f"cannot read the expression: {message}", column)

    def tree(self) -> ast.expr:
        """Parse, and hold the tree to its limits without recursion."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(self.parsed, mode="eval").body
        except SyntaxError as error:
            raise self.unread(error) from None
        except (ValueError, MemoryError, RecursionError):
            raise ExpressionError(f"the expression is nested more than {MAX_DEPTH} deep", 1) from None
        count = 0
        stack: list[tuple[ast.AST, int]] = [(tree, 1)]
        while stack:
            node, depth = stack.pop()
            count += 1
            if depth > MAX_DEPTH:
                raise self.error(f"the expression is nested more than {MAX_DEPTH} deep", node)
            if count > MAX_NODES:
                raise self.error(f"the expression has more than {MAX_NODES} parts", node)
            stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
        return tree


def _ends(piece: str) -> bool:
    """Return whether an operand may end with a piece."""
    return piece in ")]" or (piece[0].isalnum() and piece not in KEYWORDS) or piece[0] == "_"


def _begins(piece: str) -> bool:
    """Return whether an operand may begin with a piece."""
    return piece == "(" or (piece[0].isalnum() and piece not in KEYWORDS) or piece[0] == "_"


def _uses(source: _Source, tree: ast.expr) -> tuple[frozenset[int], bool]:
    """Return the indices of ``x`` that occur, and whether ``x`` occurs without one."""
    indexed = {id(node.value): node for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "x"]
    indices = frozenset(_index(source, node) for node in indexed.values())
    return indices, any(id(node) not in indexed for node in names)


def _index(source: _Source, node: ast.Subscript) -> int:
    if not (isinstance(node.value, ast.Name) and node.value.id == "x"):
        raise source.error("only `x` has entries", node)
    place = node.slice
    if isinstance(place, ast.Constant) and type(place.value) is int:
        return place.value
    raise source.error("an index of `x` is a plain integer 0, 1, 2, ...", place)


def _build(source: _Source, node: ast.expr) -> Closure:
    """Turn one node into a closure; what has no builder is refused."""
    builder = _BUILDERS.get(type(node))
    if builder is None:
        name = NAMED.get(type(node), "this kind of expression")
        raise source.error(f"{name} is not allowed in an expression", node)
    return builder(source, node)


def _constant(source: _Source, node: Any) -> Closure:
    if type(node.value) not in (int, float):
        kind = {str: "a string", bytes: "a string", complex: "a complex number"}.get(type(node.value), repr(node.value))
        raise source.error(f"{kind} is not allowed in an expression", node)
    try:
        value = float(node.value)
    except OverflowError:
        raise source.error("a number is too large for a float (the largest is 1.8e308)", node) from None
    return _constantly(value)


def _constantly(value: float) -> Closure:
    return lambda _: value


def _name(source: _Source, node: Any) -> Closure:
    if node.id == "x":
        return lambda x: x
    if node.id in CONSTANTS:
        return _constantly(CONSTANTS[node.id])
    if node.id in FUNCTIONS:
        raise source.error(f"`{node.id}` is a function; write {node.id}(...)", node)
    entry = re.fullmatch(r"x_?(\d+)", node.id)
    if entry:
        raise source.error(f"`{node.id}` is not known; write x[{int(entry[1])}]", node)
    raise source.error(f"`{node.id}` is not known; the variable is `x`, the constants are {', '.join(CONSTANTS)}", node)


def _entry(source: _Source, node: Any) -> Closure:
    index = _index(source, node)

    def read(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            raise TypeError(f"x[{index}] needs a vector, and x is one number here")
        return x[index].item()

    return read


def _binary(source: _Source, node: Any) -> Closure:
    function = BINARY.get(type(node.op))
    if function is None:
        raise source.error("an operator is one of + - * / // % ** ^", node)
    left, right = _build(source, node.left), _build(source, node.right)
    return lambda x: function(left(x), right(x))


def _unary(source: _Source, node: Any) -> Closure:
    function = UNARY.get(type(node.op))
    if function is None:
        raise source.error("a sign is one of + - not", node)
    operand = _build(source, node.operand)
    return lambda x: function(operand(x))


def _compare(source: _Source, node: Any) -> Closure:
    links = []
    for op, operand in zip(node.ops, node.comparators, strict=True):
        function = COMPARE.get(type(op))
        if function is None:
            raise source.error("a comparison is one of < <= > >= == !=", node)
        links.append((function, _build(source, operand)))
    first = _build(source, node.left)

    def compare(x: Any) -> Any:
        left, result = first(x), 1.0
        for function, operand in links:
            right = operand(x)
            result = result * as_number(function(left, right))
            left = right
        return result

    return compare


def _boolean(source: _Source, node: Any) -> Closure:
    operands = [_build(source, value) for value in node.values]
    every = isinstance(node.op, ast.And)

    def decide(x: Any) -> Any:
        results: Iterator[bool] = (truth(operand(x)) for operand in operands)
        return as_number(all(results) if every else any(results))

    return decide


def _choice(source: _Source, node: Any) -> Closure:
    test, yes, no = (_build(source, part) for part in (node.test, node.body, node.orelse))
    return lambda x: yes(x) if truth(test(x)) else no(x)


def _call(source: _Source, node: Any) -> Closure:
    if not isinstance(node.func, ast.Name):
        if isinstance(node.func, ast.Attribute):
            raise source.error("a dot after a name is not allowed in an expression", node.func)
        raise source.error("only a named function can be called; a product is written with `*`", node)
    name = node.func.id
    word = FUNCTIONS.get(name)
    if word is None:
        if name == "x" or name in CONSTANTS:
            raise source.error(f"`{name}` is not a function; a product is written with `*`", node)
        near = difflib.get_close_matches(name, FUNCTIONS, 1)
        hint = f"did you mean {near[0]}?" if near else f"the functions are {', '.join(sorted(FUNCTIONS))}"
        raise source.error(f"the function `{name}` is not known; {hint}", node)
    if node.keywords:
        raise source.error("a keyword argument is not allowed in an expression", node)
    if not word.least <= len(node.args) <= word.most:
        raise source.error(f"`{name}` takes {word.arity}, {len(node.args)} came", node)
    function = word.call
    arguments = [_build(source, argument) for argument in node.args]
    if len(arguments) == 1:
        only = arguments[0]
        return lambda x: function(only(x))
    return lambda x: function(*[argument(x) for argument in arguments])


_BUILDERS: Mapping[type[ast.expr], Callable[[_Source, Any], Closure]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Subscript: _entry,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _choice,
    ast.Call: _call,
}

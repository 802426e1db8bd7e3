"""What may be typed, what it means, and that nothing else gets in."""

import ast
import inspect
import math
import re
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import secant
from secant.cli import expression, vocabulary
from secant.cli.expression import ExpressionError, parse, parse_numbers
from secant.cli.vocabulary import CONSTANTS, FUNCTIONS

HOSTILE = [
    # text, words of the message, column (None: where Python's parser puts it)
    ("", "empty", 1),
    ("   ", "empty", 1),
    ("x.__class__", "a dot after a name", 1),
    ("x.__class__.__mro__", "a dot after a name", 1),
    ("().__class__", "a dot after a name", 1),
    ("(1.0).real", "a dot after a name", 1),
    ("sin.__globals__", "a dot after a name", 1),
    ("x.sum()", "a dot after a name", 1),
    ("__import__('os')", "`__import__` is not known", 1),
    ("__import__('os').system('true')", "a dot after a name", 1),
    ("eval('1')", "`eval` is not known", 1),
    ("open(x)", "`open` is not known", 1),
    ("getattr(x, 'real')", "`getattr` is not known", 1),
    ("__builtins__", "`__builtins__` is not known", 1),
    ("lambda: 1", "a lambda", 1),
    ("(lambda x: x)(1)", "only a named function", 1),
    ("sin(x)(x)", "only a named function", 1),
    ("f'{x}'", "a string", 1),
    ("'a' * 9", "a string", 1),
    ("b'a'", "a string", 1),
    ("x + 'a'", "a string", 5),
    ("(y := 3)", "an assignment", 2),
    ("x = 3", "cannot read", None),
    ("x; x", "cannot read", None),
    ("import os", "cannot read", None),
    ("[i for i in x]", "a comprehension", 1),
    ("sum(i for i in x)", "a comprehension", None),
    ("{1: 2}", "not allowed", 1),
    ("{1, 2}", "not allowed", 1),
    ("[1, 2]", "a list", 1),
    ("1, 2", "a comma", 1),
    ("sin(*x)", "a starred argument", 5),
    ("sin(x=1)", "a keyword argument", 1),
    ("sin(**x)", "a keyword argument", 1),
    ("sin(x, x)", "`sin` takes 1 argument, 2 came", 1),
    ("sin()", "`sin` takes 1 argument, 0 came", 1),
    ("dot(x)", "`dot` takes 2 arguments, 1 came", 1),
    ("await x", "not allowed", 1),
    ("(yield)", "not allowed", None),
    ("1 if x else", "something is missing after `else`", 11),
    ("(x", "'(' was never closed", 1),
    ("x +", "something is missing after `+`", 3),
    ("x^", "something is missing after `^`", 2),
    ("x x", "an operator is missing between `x` and `x`", 3),
    ("x y", "an operator is missing between `x` and `y`", 3),
    ("x[0] x[1]", "an operator is missing between `]` and `x`", 6),
    ("not x 2e-3", "an operator is missing between `x` and `2e-3`", 7),
    ("sin x", "`sin` is a function; write sin(...)", 5),
    ("lambda x x", "an operator is missing", 10),
    ("x @ x", "an operator is one of", 1),
    ("x << 1", "an operator is one of", 1),
    ("x | 1", "an operator is one of", 1),
    ("~x", "a sign is one of", 1),
    ("x in x", "a comparison is one of", 1),
    ("x is x", "a comparison is one of", 1),
    ("1j", "a complex number", 1),
    ("True", "True is not allowed", 1),
    ("None", "None is not allowed", 1),
    ("...", "Ellipsis is not allowed", 1),
    ("9" * 400, "too large", 1),
    ("x[1e9]", "plain integer", 3),
    ("x[-1]", "plain integer", 3),
    ("x[0.5]", "plain integer", 3),
    ("x[x]", "plain integer", 3),
    ("x[True]", "plain integer", 3),
    ("x[0:1]", "plain integer", 3),
    ("x[0, 1]", "plain integer", 3),
    ("x[0][0]", "only `x` has entries", 1),
    ("pi[0]", "only `x` has entries", 1),
    ("x^2 + y", "`y` is not known", 7),
    ("x ^ 2 ^ y", "`y` is not known", 9),
    ("x0 + x_1", "write x[0]", 1),
    ("exp", "write exp(...)", 1),
    ("x(2)", "`x` is not a function; a product is written with `*`", 1),
    ("sinn(x)", "did you mean sin?", 1),
    ("2x", "a product is written with `*`", None),
    ("2 (x + 1)", "a product is written with `*`", None),
    ("(x + 1)(x - 1)", "a product is written with `*`", None),
    ("x\0", "U+0000", 2),
    ("x\n+ 1", "U+000A", 2),
    ("x # and more", "'#'", 3),
    ("x \\", "'\\\\'", 3),
    ("\uff53in(x)", "U+FF53", 1),  # fullwidth s, which Python reads as s
    ("x\u00b2", "U+00B2", 2),
    ("\u03c0", "U+03C0", 1),
    ("\u2212x", "U+2212", 1),  # the minus sign of printed text
    ("\U0001d431", "U+1D431", 1),  # mathematical bold x, which Python reads as x
    ("x" * 2001, "2000 characters", 2000),
    ("(" * 1990 + "x", "", None),
    ("-" * 1990 + "x", "60 deep", None),
    ("sin(" * 61 + "x" + ")" * 61, "60 deep", None),
    ("+".join(["x"] * 62), "60 deep", None),
    ("max(" + ",".join(["x"] * 501) + ")", "500 parts", None),
]


@pytest.mark.parametrize("text, words, column", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_not_on_the_list_is_refused_with_its_place(text: str, words: str, column: int | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    message = str(caught.value)
    assert words in message
    assert message.endswith(f"(column {caught.value.column})")
    assert "\n" not in message
    assert 1 <= caught.value.column <= max(1, len(text))
    if column is not None:
        assert caught.value.column == column


def test_no_kind_of_syntax_gets_in_by_being_forgotten() -> None:
    """Whatever Python's grammar has or will have: only what has a builder is built."""
    kinds = {kind for _, kind in inspect.getmembers(ast, inspect.isclass) if issubclass(kind, ast.expr)}
    allowed = set(expression._BUILDERS)
    assert allowed < kinds
    named = "Constant Name Subscript BinOp UnaryOp Compare BoolOp IfExp Call".split()
    assert sorted(kind.__name__ for kind in allowed) == sorted(named)


def test_the_sources_execute_nothing() -> None:
    for module in (expression, vocabulary):
        names = {node.id for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Name)}
        assert names.isdisjoint({"eval", "exec", "compile", "__import__", "open"})


@pytest.mark.parametrize(
    "text", ["9**9**9", "9^9^9^9", "10**400", "2.0**9999999", "x**9**9**9", "gamma(1e300)", "exp(exp(exp(x)))"]
)
def test_huge_numbers_overflow_at_once(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(OverflowError):
        parse(text)(9.0)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(
    "text", ["log(x)", "sqrt(x)", "x**0.5", "1/(x + 1)", "asin(x - 1)", "0**x", "lgamma(x)", "x % 0"]
)
def test_outside_the_domain_a_number_raises_what_marks_it(text: str) -> None:
    with pytest.raises((ArithmeticError, ValueError)):
        parse(text)(-1.0)


VALUES = [
    # text, x, value
    ("0.01*x^2 + 0.1*x", 5.0, 0.75),
    ("0.01*x**2 + 0.1*x", 5.0, 0.75),
    ("-x^2", 3.0, -9.0),
    ("2^-x", 3.0, 0.125),
    ("2^3^2", 0.0, 512.0),
    ("x // 2", 5.0, 2.0),
    ("x % 2", 5.0, 1.0),
    ("1/2", 0.0, 0.5),
    ("7 // 2 * 1e3", 0.0, 3000.0),
    ("+x - -x", 2.0, 4.0),
    ("x if x > 0 else -x", -2.0, 2.0),
    ("0 < x < 2", 1.0, 1.0),
    ("0 < x < 2", 2.0, 0.0),
    ("x >= 1 and x <= 1 or not x", 1.0, 1.0),
    ("(x == 1) + (x != 1)", 7.0, 1.0),
    ("e^x", 1.0, math.e),
    ("atan2(1, 1) * 4 - pi", 0.0, 0.0),
    ("ln(e) + log(e) + log2(8) + log10(1000)", 0.0, 8.0),
    ("min(x, 1) + max(x, 1, 5) + min(x)", 3.0, 9.0),
    ("abs(-x) + sign(-x) + relu(-x) + round(x)", 2.0, 3.0),
    ("sigmoid(-1000*x) + sigmoid(1000*x)", 1.0, 1.0),
    ("softplus(1000*x)", 1.0, 1000.0),
    ("hypot(3, 4) + cbrt(27) + exp2(3)", 0.0, 16.0),
    ("gamma(5) + erf(0)", 0.0, 24.0),
    ("where(x > 0, 1, 2)", -1.0, 2.0),
    ("tau / pi + tanh(inf)", 0.0, 3.0),
    (" \t x ", 4.0, 4.0),
]


@pytest.mark.parametrize("text, x, value", VALUES)
def test_what_is_typed_means_what_it_says(text: str, x: float, value: float) -> None:
    result = parse(text)(x)
    assert type(result) is float
    assert result == pytest.approx(value, rel=1e-15, abs=1e-15)


VECTORS = [
    ("x[0]**2 + x[1]**2", 25.0),
    ("sum(x^2)", 25.0),
    ("dot(x, x) - norm(x)^2", 0.0),
    ("max(x) - min(x) + mean(x) + prod(x)", 16.5),
    ("sum(where(x > 3, x, 0))", 4.0),
    ("sum(maximum(x, 3.5)) + sum(minimum(x, 3.5)) + sum(max(x, 3.5)) + sum(min(x, 3.5))", 28.0),
    ("sum((x > 3) * 2) - sum(-(x > 3))", 3.0),
    ("x[1] if x[0] < x[1] else x[0]", 4.0),
    ("sum(relu(-x)) + sum(erf(0*x)) + sum(sigmoid(0*x))", 1.0),
]


@pytest.mark.parametrize("text, value", VECTORS)
def test_x_is_a_vector_as_well(text: str, value: float) -> None:
    result = parse(text)(np.array([3.0, 4.0]))
    assert type(result) is float
    assert result == pytest.approx(value, rel=1e-15, abs=1e-13)


def test_uses_of_x_are_known_before_any_evaluation() -> None:
    assert (parse("x[0] + x[7]").indices, parse("x[0] + x[7]").whole) == ({0, 7}, False)
    assert (parse("sum(x) + x[2]").indices, parse("sum(x) + x[2]").whole) == ({2}, True)
    assert (parse("1").indices, parse("1").whole) == (frozenset(), False)


def test_a_number_has_no_entries_and_a_vector_is_no_condition() -> None:
    with pytest.raises(TypeError, match=r"x\[0\] needs a vector"):
        parse("x[0]")(3.0)
    with pytest.raises(TypeError, match="where"):
        parse("1 if x > 0 else 2")(np.array([1.0, 2.0]))


def test_outside_the_domain_a_vector_has_nan_without_a_warning() -> None:
    result = parse("sqrt(x) + log(x) + 1/x + x^0.5")(np.array([-1.0, 4.0]))
    assert np.isnan(result[0])
    assert result[1] == pytest.approx(2.0 + math.log(4.0) + 0.25 + 2.0)


ELEMENTWISE = sorted(set(FUNCTIONS) - {"min", "max", "where", "sum", "prod", "mean", "norm", "dot"})


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_numbers_and_arrays_agree(name: str) -> None:
    """A word is one function, whether it is given numbers or arrays."""
    word = FUNCTIONS[name]
    shift = 1.0 if name == "acosh" else 0.0
    columns = [np.linspace(0.05, 0.95, 19) + shift, np.linspace(0.95, 0.05, 19)][: word.least]
    alone = [word.call(*numbers) for numbers in zip(*(column.tolist() for column in columns), strict=True)]
    together = word.call(*columns)
    assert {type(value) for value in alone} == {float}
    assert together == pytest.approx(alone, rel=1e-14, abs=1e-15)
    assert len(set(alone)) > 1 or name in {"sign", "ceil", "floor"}


@given(x=st.floats(-1e3, 1e3), a=st.floats(-1e3, 1e3), n=st.integers(0, 5))
def test_arithmetic_has_pythons_bits(x: float, a: float, n: int) -> None:
    assert parse(f"{a!r}*x^{n} - x/7 + 3")(x) == a * x ** float(n) - x / 7.0 + 3.0


@given(text=st.text(max_size=40) | st.text("x0123456789.+-*/^()[],<>= einsqrtlogp", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        typed = parse(text)
    except ExpressionError:
        return
    for x in (0.7, np.array([0.7, 1.3])):
        try:
            value = typed(x)
        except (ArithmeticError, ValueError, TypeError, IndexError):
            continue
        assert isinstance(value, float | np.ndarray)


NUMBERS = [
    ("5", [5.0]),
    ("-3,4", [-3.0, 4.0]),
    (" -1e-3 , 2 ,", [-1e-3, 2.0]),
    ("pi/4", [math.pi / 4]),
    ("2^-10", [2.0**-10]),
    ("-inf,inf", [-math.inf, math.inf]),
    ("0.1,0.2", [0.1, 0.2]),
]


@pytest.mark.parametrize("text, numbers", NUMBERS)
def test_numbers_are_separated_by_commas(text: str, numbers: list[float]) -> None:
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", ",", "1,,2", "x", "1,x", "1;2", "nan", "one", "1 2", "[1]"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_numbers(text)


def test_every_constant_is_a_number_of_the_language() -> None:
    assert {name: parse(name)(0.0) for name in CONSTANTS} == dict(CONSTANTS)


ANALYTIC = [
    # text, points at which it is analytic
    *[(f"{name}(x)", [-0.7, 1e-9, 0.3]) for name in ("asin", "acos", "atan", "atanh", "asinh", "sin", "cos", "tan")],
    *[
        (f"{name}(x)", [-1.3, 1e-9, 2.2])
        for name in ("sinh", "cosh", "tanh", "exp", "exp2", "expm1", "cbrt", "sigmoid")
    ],
    *[(f"{name}(x)", [1e-9, 1.0, 300.0]) for name in ("log", "ln", "log2", "log10", "log1p", "sqrt")],
    ("acosh(x)", [1.2, 30.0]),
    ("log1p(x)", [-0.9, -1e-9]),
    ("softplus(x)", [-40.0, -1e-9, 1e-9, 40.0]),
    ("sigmoid(x)", [-800.0, -1.3, 1e-9, 2.2, 800.0]),
    ("atan2(x, 1) + atan2(x, -1) + atan2(1, x) + atan2(-1, x)", [-2.0, -0.5, 0.5, 2.0]),
    ("hypot(x, 3) + hypot(1e200, 1e200*x)/1e200", [-2.0, 1e-9]),
    ("x^101 + (-x)^100 + x^-3", [-1.01, 1.02]),
    ("2.5^x + x^2.5 + x^x", [0.3, 4.0]),
    ("(1 + x)/(2 - x) - x", [-3.0, 0.25]),
]


@pytest.mark.parametrize("text, points", ANALYTIC, ids=[text for text, _ in ANALYTIC])
def test_the_complex_step_of_analytic_words(text: str, points: list[float]) -> None:
    """As many digits as a difference of real values has, and the very value of f on the axis."""
    f = parse(text)
    g = parse(re.sub(r"\bx\b", "x[1]", text))
    for x in points:
        slope, plain = secant.derivative(f, x, method="complex"), secant.derivative(f, x)
        assert slope.ok
        assert abs(slope.value - plain.value) <= plain.error + 4e-15 * abs(slope.value)
        assert complex(f(complex(x))).real == pytest.approx(f(x), rel=1e-13)
        assert secant.gradient(g, np.array([0.5, x]), method="complex").value == pytest.approx(
            [0.0, slope.value], rel=1e-15
        )


def test_words_of_vectors_take_complex_numbers() -> None:
    x = np.array([0.3, -1.2, 2.0])
    for text in ("norm(x)^3", "sum(x^3)*mean(sin(x))", "dot(x, exp(x))", "prod(softplus(x))", "sum(where(1, x, 2)^2)"):
        slope, plain = secant.gradient(parse(text), x, method="complex"), secant.gradient(parse(text), x)
        assert slope.ok
        assert np.all(np.abs(slope.value - plain.value) <= plain.error + 4e-15)


REAL = "abs ceil erf floor gamma lgamma max maximum min minimum relu round sign where".split()


@pytest.mark.parametrize("point", [0.4 + 1e-20j, np.array([0.4 + 1e-20j, 0.5])], ids=["number", "array"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_word_takes_complex_numbers_or_says_that_it_does_not(name: str, point: Any) -> None:
    word = FUNCTIONS[name]
    if name in REAL:
        with pytest.raises(TypeError, match=f"(`{name}`|a condition) takes real numbers only"):
            word.call(*[point] * word.least)
        return
    value = word.call(*[point] * word.least)
    assert np.iscomplexobj(value)
    assert np.isfinite(value).all()


@pytest.mark.parametrize(
    "text, word",
    [
        ("abs(x)", "`abs`"),
        ("min(x, 2)", "`min`"),
        ("x % 2", "`%`"),
        ("x // 2", "`//`"),
        ("x if x > 0 else 1", "`>`"),
        ("(x == 1)*x", "`==`"),
        ("x if x else 1", "a condition"),
        ("x and 1", "a condition"),
        ("where(x, x, 1)", "a condition"),
        ("floor(sin(x))", "`floor`"),
    ],
)
def test_words_that_are_not_analytic_are_named(text: str, word: str) -> None:
    for x in (1.0, np.array([1.0])):
        f = parse(text if np.ndim(x) == 0 else re.sub(r"\bx\b", "x[0]", text))
        with pytest.raises(secant.InputTypeError, match=f"TypeError: {word} takes real numbers only"):
            secant.gradient(f, x, method="complex")

"""Sphinx: furo, Markdown by MyST, docstrings by autodoc, formulas without a network."""

import re
from pathlib import Path
from typing import Any

VERSION = Path(__file__).parents[1] / "src" / "secant" / "_version.py"

project = "secant"
author = "The secant authors"
copyright = "The secant authors"
version = release = re.findall(r'"(.+)"$', VERSION.read_text(encoding="utf-8"), re.MULTILINE)[0]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generate.py"]
nitpicky = True
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"secant {release}"
html_show_sphinx = False


def set_sections(*hook: Any) -> None:
    """Turn the sections of a docstring (a heading, a line of dashes, ``name : text``) into headings and lists."""
    lines = hook[-1]
    text, item = "\n\n".join(map(sized, "\n".join(lines).split("\n\n"))), r"^([A-Za-z_]\w*(?:, \w+)*) : "
    for heading in re.findall(r"^([A-Z]\w+)\n-+$", text, re.MULTILINE):
        above, below = re.split(rf"^{heading}\n-+\n", text, maxsplit=1, flags=re.MULTILINE)
        body, blank, rest = below.partition("\n\n")
        body = re.sub(item, r"* **\1**: ", re.sub(r"^    ", "  ", body, flags=re.MULTILINE), flags=re.MULTILINE)
        text = f"{above}.. rubric:: {heading}\n\n{body}{blank}{rest}"
    lines[:] = text.split("\n")


def sized(paragraph: str) -> str:
    """Keep bars around a name, which mean its size in a docstring and a substitution in reStructuredText."""
    return paragraph if paragraph.lstrip().startswith(">>>") else re.sub(r"(?<!`)\|(\w+)\|", r"\|\1\|", paragraph)


def setup(app: Any) -> None:
    """Have every docstring set."""
    app.connect("autodoc-process-docstring", set_sections)

"""Sphinx: furo, Markdown by MyST, formulas without a network."""

import re
from pathlib import Path

VERSION = Path(__file__).parents[1] / "src" / "secant" / "_version.py"

project = "secant"
author = "The secant authors"
copyright = "The secant authors"
version = release = re.findall(r'"(.+)"$', VERSION.read_text(encoding="utf-8"), re.MULTILINE)[0]

extensions = ["myst_parser", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generate.py"]
nitpicky = True

html_theme = "furo"
html_title = f"secant {release}"
html_show_sphinx = False

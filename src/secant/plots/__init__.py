"""Pictures of results and arrays; nothing here evaluates a function.

>>> from secant import plots
>>> figure = plots.tangents([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], [])
>>> [axis.get_xlabel() for axis in figure.axes]
['x']
"""

from secant.plots.curves import error_against_step, tangents
from secant.plots.paths import descent_paths, gradient_arrows
from secant.plots.style import save

__all__ = ["descent_paths", "error_against_step", "gradient_arrows", "save", "tangents"]

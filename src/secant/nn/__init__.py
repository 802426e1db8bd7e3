"""Small nets and the functions they are made of, in NumPy, for checking gradients against.

>>> from secant import nn
>>> net = nn.SimpleNet([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
>>> net.predict([1.0, 2.0])
array([ 1.,  2., -1.])
"""

from secant.nn.functions import (
    cross_entropy,
    log_softmax,
    mean_squared_error,
    relu,
    sigmoid,
    softmax,
)
from secant.nn.nets import SimpleNet

__all__ = ["SimpleNet", "cross_entropy", "log_softmax", "mean_squared_error", "relu", "sigmoid", "softmax"]

"""The book's `common.gradient`, on secant."""

from secant.book import gradient_descent, numerical_diff, numerical_gradient

__all__ = ["gradient_descent", "numerical_diff", "numerical_gradient"]

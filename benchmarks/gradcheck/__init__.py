"""Gradient checks beside each other: what flags mistakes, and what leaves right gradients alone."""

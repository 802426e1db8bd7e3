"""Descent: minimizers beside each other, and learning rates judged."""

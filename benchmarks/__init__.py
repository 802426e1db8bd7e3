"""Benchmarks anyone can run: ``python -m benchmarks.derivatives.run``."""

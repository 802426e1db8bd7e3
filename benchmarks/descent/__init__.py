"""Descents with labels: whether what is said of them is so."""

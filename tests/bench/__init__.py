"""Benchmarks against peers, in pairs, in one run: `python -m tests.bench`."""

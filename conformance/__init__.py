"""Batch normalizations of other libraries, run beside ours: see run.py."""

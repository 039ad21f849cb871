"""Batch normalization (section 3) and its alternatives (section 2)."""

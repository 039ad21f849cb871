"""Accuracy of trained networks: while they are trained, and afterwards to be cited."""

"""Accuracy of trained networks, to be cited."""

"""Batch Normalization (Ioffe & Szegedy, 2015), reproduced in JAX and Flax."""

__version__ = '1.0.0'

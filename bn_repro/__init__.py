"""Batch Normalization (Ioffe & Szegedy, 2015), reproduced in JAX and Flax."""

"""The former place of `batch_norm.layer`: networks outside this project import it."""

from bn_repro.batch_norm.layer import BatchNorm

__all__ = ['BatchNorm']

"""The former place of `batch_norm.layer`, which networks outside this project import."""

from bn_repro.batch_norm.layer import BatchNorm

__all__ = ['BatchNorm']

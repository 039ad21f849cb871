"""PyTorch's form of the work of `batch_norm.py`: one layer, forward and backward."""

from collections.abc import Callable

import jax
import numpy as np
import torch
from torch.nn import functional


def prepare(x, dy, gamma, beta) -> Callable[[], None]:
  """Runs the layer once on the same values, and waits for it.

  x and dy are `[..., features]`, of JAX; channels come last in memory here too.
  """
  x, dy, gamma, beta = map(_tensor, (x, dy, gamma, beta))
  running = torch.zeros_like(gamma), torch.ones_like(gamma)
  inputs = [tensor.requires_grad_() for tensor in (x, gamma, beta)]

  def call():
    y = functional.batch_norm(x, *running, gamma, beta, training=True)
    torch.autograd.grad(y, inputs, dy)
    if x.is_cuda:
      torch.cuda.synchronize()

  return call


def _tensor(array: jax.Array) -> torch.Tensor:
  """`[n, h, w, features]` as `[n, features, h, w]`, not copied into another order."""
  dtype = torch.bfloat16 if array.dtype == jax.numpy.bfloat16 else torch.float32
  device = 'cuda' if torch.cuda.is_available() else 'cpu'
  tensor = torch.tensor(np.asarray(array, np.float32), dtype=dtype, device=device)
  return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor

"""PyTorch: torch.nn.BatchNorm1d, 2d and 3d."""

import torch
import torch._functorch.config as functorch

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last


class Layer(Base):
  MODES = ('eager', 'compiled')
  NAMES = {'epsilon': 'eps', 'decay': 'momentum = 1 - '}
  OF_DIMENSIONS = {2: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}

  def build(self):
    self.layer = self.OF_DIMENSIONS[len(self.shape)](
      self.shape[-1], **self.named(self.options)
    )
    self.call = torch.compile(self.layer) if self.mode == 'compiled' else self.layer

  def cast(self, x):
    return torch.tensor(channels_first(x)).to(getattr(torch, self.dtype))

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    self.layer.train()
    self.x = self.cast(x).requires_grad_()
    self.y = self.call(self.x)
    tensors = self.tensors()
    self.note(y=self.y, **tensors)
    return channels_last(self.y.detach().double().numpy())

  def backward(self, dy):
    inputs = self.x, self.layer.weight, self.layer.bias
    dx, gamma, beta = torch.autograd.grad(self.y, inputs, self.cast(dy))
    return channels_last(dx.double().numpy()), gamma.numpy(), beta.numpy()

  def timed(self, x, dy):
    # Channels last in memory, as the others have them.
    x, dy = (torch.tensor(a).permute(0, 3, 1, 2) for a in (x, dy))
    inputs = x.requires_grad_(), self.layer.weight, self.layer.bias
    # Buffers that a compiled backward pass may write over do not last for a second.
    functorch.donated_buffer = False

    def forward():
      self.y = self.call(x)

    backward = lambda: torch.autograd.grad(self.y, inputs, dy, retain_graph=True)
    return forward, backward

  def infer(self, x):
    self.layer.eval()
    with torch.no_grad():
      y = self.call(self.cast(x))
    self.note(inferred=y)
    return channels_last(y.double().numpy())

  def tensors(self):
    layer = self.layer
    return {
      'gamma': layer.weight, 'beta': layer.bias,
      'mean': layer.running_mean, 'var': layer.running_var,
    }  # fmt: skip

  def read(self):
    return {name: t.detach().double().numpy() for name, t in self.tensors().items()}

  def assign(self, **values):
    with torch.no_grad():
      for name, value in values.items():
        self.tensors()[name].copy_(torch.tensor(value))

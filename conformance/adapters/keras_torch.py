"""Gradients of a Keras layer on PyTorch."""

import torch
import torch._functorch.config as functorch


class Gradients:
  def __init__(self, layer, mode):
    self.layer = layer
    call = lambda x, training, mask: layer(x, training=training, mask=mask)
    self.call = torch.compile(call) if mode == 'compiled' else call
    self.repeated = False

  def repeat(self):
    """Lets `backward` be called again and again; to be set before the first call."""
    self.repeated = True
    # Buffers that a compiled backward pass may write over do not last for a second.
    functorch.donated_buffer = False

  def forward(self, x, mask):
    self.x = x.detach().requires_grad_()
    self.y = self.call(self.x, True, mask)
    return self.y.detach()

  def backward(self, dy):
    inputs = self.x, self.layer.gamma.value, self.layer.beta.value
    return torch.autograd.grad(self.y, inputs, dy, retain_graph=self.repeated)

  def infer(self, x):
    with torch.no_grad():
      return self.call(x, False, None)

  def forgotten(self):
    return 'cannot happen: the layer updates itself'

"""PyTorch's form of the training step of figure 5's network, for `train_step.py`.

The same network, number for number: padding as TensorFlow's SAME, averages that do
not count it, convolutions in the config's dtype (by autocast), their mean and the
logits in float32. The same step: gather, scale to -1 to 1, mean cross-entropy,
momentum SGD with the L2 penalty on weights. `load` gives it our weights.

Left out: crops and distortions; normalization of groups of examples and of single
activations; dropout, auxiliary heads, the small stem, a full first convolution; all
measurements but the loss. Sizes must be even wherever the stride is 2. What is left out
matters to training alone, or `load` refuses the weights.
"""

import functools
from collections.abc import Callable

import jax
import torch
import torch.nn.functional as F
from ml_collections import ConfigDict
from subjects.inception import experiment_of
from subjects.mnist_task import ORDER_STEPS, order
from subjects.train_step_task import Task
from torch import nn

from bn_repro.data.sources import Examples
from bn_repro.models import inception
from bn_repro.training.step import initial_state

# The last part of a variable's name there and here.
NAMES = {
  'kernel': 'weight', 'bias': 'bias', 'gamma': 'weight', 'beta': 'bias',
  'mean': 'running_mean', 'var': 'running_var',
}  # fmt: skip
NONLINEARITIES = {
  'relu': functools.partial(nn.ReLU, inplace=True),
  'sigmoid': nn.Sigmoid,
}


class Convolution(nn.Sequential):
  """g(BN(Wu)), or g(Wu + b) without BN, of `[batch, inputs, height, width]`.

  Padded as SAME. With `multiplier` filters on each input alone before it, the kernel is
  theirs.
  """

  def __init__(self, inputs, features, settings, kernel=1, stride=1, multiplier=0):
    super().__init__()
    if stride > 1:
      # One side gets more, where the excess is odd.
      excess = kernel - stride
      before, after = excess // 2, excess - excess // 2
      self.add_module('padding', nn.ZeroPad2d((before, after, before, after)))
    padding = 0 if stride > 1 else kernel // 2
    if multiplier:
      filters = inputs * multiplier
      depthwise = nn.Conv2d(
        inputs, filters, kernel, stride, padding, groups=inputs, bias=False
      )
      self.add_module('depthwise', depthwise)
      inputs, kernel, stride, padding = filters, 1, 1, 0
    has_bias = not settings.batch_norm
    linear = nn.Conv2d(inputs, features, kernel, stride, padding, bias=has_bias)
    self.add_module('convolution', linear)
    if settings.batch_norm:
      batch_norm = nn.BatchNorm2d(features, settings.epsilon, 1 - settings.decay)
      # A counter that nothing reads, in a kernel of its own.
      batch_norm.num_batches_tracked = None
      self.add_module('batch_norm', batch_norm)
    self.add_module('nonlinearity', NONLINEARITIES[settings.nonlinearity]())


def pool(kind: str, stride: int) -> nn.Module:
  """3x3 pooling; at stride 2 only the far side is padded."""
  if kind == 'avg':
    return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
  if stride == 2:
    return nn.MaxPool2d(3, stride, ceil_mode=True)
  return nn.MaxPool2d(3, stride, padding=1)


def local_response_normalization(settings: ConfigDict) -> nn.Module:
  """GoogLeNet's, or nothing, of `[batch, channels, height, width]` (change 5, 4.2.1).

  PyTorch divides alpha by the 5 channels, as Caffe does.
  """
  if settings.local_response_normalization:
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
  return nn.Identity()


class InceptionModule(nn.Module):
  """Four branches of one row of figure 5, side by side."""

  def __init__(self, inputs: int, row: inception.Row, settings: ConfigDict):
    super().__init__()
    layer = lambda *sizes: Convolution(sizes[0], sizes[1], settings, *sizes[2:])
    if row.conv_1x1:
      self.conv_1x1 = layer(inputs, row.conv_1x1)
    self.reduce_3x3 = layer(inputs, row.reduce_3x3)
    self.conv_3x3 = layer(row.reduce_3x3, row.conv_3x3, 3, row.stride)
    self.reduce_double_3x3 = layer(inputs, row.reduce_double_3x3)
    self.double_3x3_1 = layer(row.reduce_double_3x3, row.double_3x3, 3)
    self.double_3x3_2 = layer(row.double_3x3, row.double_3x3, 3, row.stride)
    self.pool = pool(row.pool, row.stride)
    if row.projection:
      self.projection = layer(inputs, row.projection)
    last = row.projection or inputs
    self.features = row.conv_1x1 + row.conv_3x3 + row.double_3x3 + last

  def forward(self, x: torch.Tensor) -> torch.Tensor:
    """`[batch, features, height / stride, width / stride]` of x."""
    branches = [self.conv_1x1(x)] if hasattr(self, 'conv_1x1') else []
    branches.append(self.conv_3x3(self.reduce_3x3(x)))
    branches.append(self.double_3x3_2(self.double_3x3_1(self.reduce_double_3x3(x))))
    pooled = self.pool(x)
    if hasattr(self, 'projection'):
      pooled = self.projection(pooled)
    return torch.cat([*branches, pooled], dim=1)


class Network(nn.Module):
  """Figure 5, with or without batch normalization; parts are named as ours are."""

  def __init__(self, config: ConfigDict):
    super().__init__()
    settings = config.model
    scale = lambda filters: inception.scaled(filters, settings.width)
    first, reduce, second = map(
      scale, (inception.FIRST_CONVOLUTION, *inception.SECOND_CONVOLUTION)
    )
    multiplier = inception.DEPTH_MULTIPLIER
    parts = {
      'convolution_1': Convolution(3, first, settings, 7, 2, multiplier),
      'pool_1': pool('max', 2),
      'norm_1': local_response_normalization(settings),
      'convolution_2_reduce': Convolution(first, reduce, settings),
      'convolution_2': Convolution(reduce, second, settings, 3),
      'norm_2': local_response_normalization(settings),
      'pool_2': pool('max', 2),
    }
    inputs = second
    for row in inception.scaled_rows(settings.width, settings.pool_projection_4cd):
      parts[row.name] = InceptionModule(inputs, row, settings)
      inputs = parts[row.name].features
    self._before_logits = list(parts)
    for name, part in parts.items():
      self.add_module(name, part)
    self.logits = nn.Linear(inputs, config.dataset.num_classes)
    self._is_half = settings.dtype == 'bfloat16'

  def forward(self, x: torch.Tensor) -> torch.Tensor:
    """Float32 logits `[batch, classes]` of `[batch, 3, height, width]`."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=self._is_half):
      for name in self._before_logits:
        x = getattr(self, name)(x)
    return self.logits(x.mean(dim=(2, 3), dtype=torch.float32))


def load(network: Network, variables: dict) -> None:
  """Copies Flax's variables; ValueError if any differs in name or shape.

  Parameters alone may be given, to train: the port's running statistics stay as they
  are.
  """
  targets = dict(network.named_parameters())
  if 'batch_stats' in variables:
    targets |= dict(network.named_buffers())
  missing = set(targets)
  for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
    _, *modules, last = (key.key for key in path)
    name = '.'.join([*modules, NAMES[last]])
    value = torch.tensor(jax.device_get(leaf))
    if value.ndim > 1:
      # [height, width, inputs, outputs], or [inputs, outputs]: the last two go first.
      value = value.movedim((-1, -2), (0, 1))
    if name not in targets or targets[name].shape != value.shape:
      raise ValueError(f'no {name} of shape {tuple(value.shape)} in the port')
    targets[name].data.copy_(value)
    missing.discard(name)
  if missing:
    raise ValueError(f'the port has {", ".join(sorted(missing))} besides')


class Step:
  """The step and its state, compiled if the task says so; counts its `parameters`."""

  def __init__(self, config: ConfigDict, examples: Examples, task: Task):
    self.device = _device(task)
    form = torch.channels_last if task.channels_last else torch.contiguous_format
    self._form = form
    images = torch.from_numpy(examples.images).movedim(-1, 1).to(self.device)
    self._images = images.contiguous(memory_format=form)
    self._labels = torch.from_numpy(examples.labels).long().to(self.device)
    # Cut apart beforehand: indexing a tensor costs microseconds a step.
    self._order = torch.from_numpy(order(config, examples)).to(self.device).unbind()
    network = Network(config)
    load(network, {'params': initial_parameters(config, examples)})
    self._network = network.to(self.device, memory_format=form)
    self._optimizer = optimizer_of(self._network, config)
    self._loss_of = self._loss
    if task.compile_mode is not None:
      self._loss_of = torch.compile(self._loss, mode=task.compile_mode)
    self.parameters = sum(p.numel() for p in network.parameters())

  def _loss(self, indices: torch.Tensor) -> torch.Tensor:
    images = self._images.index_select(0, indices).contiguous(memory_format=self._form)
    logits = self._network(2 * (images.float() / 255) - 1)
    return F.cross_entropy(logits, self._labels.index_select(0, indices))

  def run(self, steps: range) -> float:
    """Takes some consecutive steps; the loss of the last one, before its update."""
    for step in steps:
      self._optimizer.zero_grad(set_to_none=True)
      loss = self._loss_of(self._order[step % ORDER_STEPS])
      loss.backward()
      self._optimizer.step()
    # Waits for the device.
    return float(loss.detach())

  def temporary_bytes(self) -> None:
    """Not known of PyTorch."""


# They differ in their task.
torch_eager = torch_compile = Step


def _device(task: Task) -> str:
  if task.backend == 'tpu':
    raise RuntimeError('PyTorch is not measured on TPUs')
  if task.backend == 'gpu' and not torch.cuda.is_available():
    raise RuntimeError('PyTorch finds no GPU')
  torch.set_num_threads(task.threads)
  # XLA too chooses by measuring.
  torch.backends.cudnn.benchmark = True
  return 'cuda' if task.backend == 'gpu' else 'cpu'


def initial_parameters(config: ConfigDict, examples: Examples) -> dict:
  """What our step begins with, made on the CPU: the GPU is left to PyTorch."""
  jax.config.update('jax_platforms', 'cpu')
  return jax.device_get(initial_state(experiment_of(config, examples)).params)


def optimizer_of(network: Network, config: ConfigDict) -> torch.optim.SGD:
  """Momentum at the first learning rate; the L2 penalty on weights alone."""
  parameters = list(network.parameters())
  weights = [p for p in parameters if p.ndim > 1]
  others = [p for p in parameters if p.ndim == 1]
  groups = [{'params': weights, 'weight_decay': config.l2}, {'params': others}]
  # On a GPU one kernel is best.
  is_fused = parameters[0].is_cuda
  return torch.optim.SGD(groups, config.learning_rate, config.momentum, fused=is_fused)


def matrix_products(size: int, dtype: str, backend: str) -> Callable[[range], None]:
  """Products of two `[size, size]` matrices, as many as `range` is long."""
  device = 'cuda' if backend == 'gpu' else 'cpu'
  left, right = torch.randn(2, size, size, device=device).to(getattr(torch, dtype))

  def run(numbers):
    for _ in numbers:
      product = left @ right
    # Waits for all of them.
    float(product[0, 0])

  return run

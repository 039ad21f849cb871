"""PyTorch's form of section 4.1's step, eager and compiled, for `mnist.py`.

Same network, same examples, same update; no metrics and no `.item()` in a step.
"""

from argparse import Namespace

import torch
import torch.nn.functional as F
from ml_collections import ConfigDict
from subjects.mnist_task import NUM_CLASSES, ORDER_STEPS, Run, order
from torch import nn

from bn_repro.data.sources import Examples


def device() -> str:
  """The name of a GPU, if PyTorch finds one."""
  return torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu'


class Task:
  """The network, and the data set and its order on the device."""

  def __init__(self, config: ConfigDict, examples: Examples):
    torch.manual_seed(config.seed)
    self.device = 'cuda' if torch.cuda.is_available() else 'cpu'
    # As XLA's default does on a GPU; no effect on a CPU.
    torch.set_float32_matmul_precision('high')
    images = torch.from_numpy(examples.images.reshape(len(examples.images), -1))
    self._images = images.to(self.device)
    self._labels = torch.from_numpy(examples.labels).long().to(self.device)
    # Cut apart beforehand: indexing a tensor costs microseconds a step.
    self.order = torch.from_numpy(order(config, examples)).to(self.device).unbind()
    # In whole numbers, which saves a conversion; the pixels are the same.
    self._threshold = int(config.dataset.threshold * 255)
    self.model = network(config, images.shape[1]).to(self.device)

  def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Binary images `[batch, pixels]` and labels of some indices."""
    images = self._images.index_select(0, indices)
    return (images > self._threshold).float(), self._labels.index_select(0, indices)

  def run_with(self, step) -> Run:
    """The `Run` of a step that maps indices to a loss."""

    def run(steps):
      for number in steps:
        loss = step(self.order[number % ORDER_STEPS])
      if self.device == 'cuda':
        torch.cuda.synchronize()
      return float(loss)

    return run


def network(config: ConfigDict, pixels: int) -> nn.Sequential:
  """784-100-100-100-10; biases only where no BN follows."""
  settings, layers, width = config.model, [], pixels
  for size in settings.hidden_sizes:
    layers.append(nn.Linear(width, size, bias=not settings.batch_norm))
    if settings.batch_norm:
      layers.append(nn.BatchNorm1d(size, settings.epsilon, 1 - settings.decay))
    layers.append(nn.Sigmoid())
    width = size
  model = nn.Sequential(*layers, nn.Linear(width, NUM_CLASSES))
  for layer in model:
    if isinstance(layer, nn.Linear):
      nn.init.normal_(layer.weight, std=settings.init_std)
      if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    if isinstance(layer, nn.BatchNorm1d):
      # A counter that nothing reads; torch.func cannot trace its update.
      layer.num_batches_tracked = None
  return model


def torch_eager(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """A plain loop with torch.optim.SGD."""
  torch.set_num_threads(options.threads)
  task = Task(config, examples)
  # On a CPU the three forms of SGD measured the same, on a GPU one kernel is best.
  optimizer = torch.optim.SGD(
    task.model.parameters(), config.learning_rate, fused=task.device == 'cuda'
  )

  def step(indices):
    images, labels = task.batch(indices)
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(task.model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.detach()

  return task.run_with(step)


def torch_compile(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """The whole step, update included, as one graph of torch.compile."""
  torch.set_num_threads(options.threads)
  task = Task(config, examples)
  parameters = {name: p.detach() for name, p in task.model.named_parameters()}

  @torch.compile(fullgraph=True, mode=options.compile_mode)
  def step(parameters, indices):
    images, labels = task.batch(indices)

    def loss_of(parameters):
      logits = torch.func.functional_call(task.model, parameters, (images,))
      return F.cross_entropy(logits, labels)

    gradient, loss = torch.func.grad_and_value(loss_of)(parameters)
    for name, parameter in parameters.items():
      # Not add_(gradient, alpha=-rate): torch 2.13 compiled that wrongly.
      parameter.sub_(config.learning_rate * gradient[name])
    return loss

  return task.run_with(lambda indices: step(parameters, indices))

"""PyTorch: torch.nn.SyncBatchNorm over two gloo processes."""

import os
import socket

import torch

from conformance.adapters import torch_layer


class Layer(torch_layer.Layer):
  MODES = ('eager',)
  OF_DIMENSIONS = dict.fromkeys((2, 4), torch.nn.SyncBatchNorm)

  @classmethod
  def over_devices(cls, parts, dys, groups=None, masks=None, **options):
    if masks is not None:
      return super().over_devices(parts, dys, groups, masks, **options)
    with socket.socket() as free:
      free.bind(('127.0.0.1', 0))
      port = free.getsockname()[1]
    context = torch.multiprocessing.get_context('spawn')
    queue = context.SimpleQueue()
    arguments = len(parts), port, parts, dys, groups, options, queue
    processes = [
      context.Process(target=_process, args=(rank, *arguments))
      for rank in range(len(parts))
    ]
    for process in processes:
      process.start()
    answers = dict(queue.get() for _ in processes)
    for process in processes:
      process.join()
    for answer in answers.values():
      if isinstance(answer, Exception):
        raise answer
    ranked = [answers[rank] for rank in range(len(parts))]
    result = {name: [answer[name] for answer in ranked] for name in ranked[0]}
    return result | {'collectives': ranked[0]['collectives']}


def _process(rank, world, port, parts, dys, groups, options, queue):
  try:
    queue.put((rank, _step(rank, world, port, parts[rank], dys[rank], groups, options)))
  except Exception as error:
    queue.put((rank, error))


def _step(rank, world, port, x, dy, groups, options):
  os.environ |= {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(port)}
  torch.distributed.init_process_group('gloo', rank=rank, world_size=world)
  layer = Layer(x.shape, **options)
  if groups is not None:
    made = [torch.distributed.new_group(list(group)) for group in groups]
    layer.layer.process_group = next(
      one for one, group in zip(made, groups) if rank in group
    )
  counts = []
  for name in ('all_gather_into_tensor', 'all_gather', 'all_reduce'):
    _count(name, counts)
  y = layer.forward(x)
  forward = len(counts)
  dx, gamma, beta = layer.backward(dy)
  stored = layer.read()
  collectives = [forward, len(counts) - forward]
  torch.distributed.barrier()
  return {
    'y': y, 'dx': dx, 'gamma': gamma, 'beta': beta, 'mean': stored['mean'],
    'var': stored['var'], 'collectives': collectives,
  }  # fmt: skip


def _count(name, counts):
  called = getattr(torch.distributed, name)

  def counted(*arguments, **options):
    counts.append(name)
    return called(*arguments, **options)

  setattr(torch.distributed, name, counted)

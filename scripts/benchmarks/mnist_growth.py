"""Training steps per second as more runs of section 4.1 share one program.

What a sweep gains from `jax.vmap` over seeds and learning rates: with N runs side by
side, the steps of all of them are counted. Each N is a process of its own, started
once a round. About 5 minutes on two CPU cores:

python scripts/benchmarks/mnist_growth.py
"""

import statistics
import tempfile
from argparse import Namespace

import harness
import ratios
from mnist import PROCESS, SIDE_BY_SIDE, store_examples
from ratios import column

from configs import mnist

RUNS = ('1', '2', '4', '8', '16', '36')


def options(add) -> None:
  add('--seconds', type=float, default=1.0, help='measured in each (1)')


def measure(options: Namespace) -> dict:
  with tempfile.TemporaryDirectory() as folder:
    data, _ = store_examples(folder)
    task = {'subject': SIDE_BY_SIDE, 'data': data, 'seconds': options.seconds}
    start = lambda runs: harness.process(PROCESS, runs=int(runs), **task)
    rounds = harness.alternate(RUNS, options.rounds, start)
  return {'device': rounds['1'][0]['device'], 'rounds': rounds}


def table(content: dict) -> list[dict]:
  """One line for each network and number of runs."""
  rounds = content['rounds']
  speeds = lambda k, n: column(column(rounds[n], k), 'steps_per_second')
  return [
    {
      'network': network, 'runs': int(runs),
      'steps/s of all': statistics.median(speeds(network, runs)),
    } | ratios.spread(speeds(network, runs), speeds(network, '1'), 'by one')
    for network in mnist.NETWORKS
    for runs in rounds
  ]  # fmt: skip


main = harness.Benchmark(
  __doc__, measure, table, (5, 'processes for each N'), options
).main

if __name__ == '__main__':
  main()

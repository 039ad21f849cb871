"""What a training step of each network of figure 3 costs, on one machine.

Steps to an accuracy say how fast a network learns; hours need the time of a step, too.
The logs of the runs do not say it: they were trained at different times on different
machines. Here each network is a process of its own, started once a round in turn with
the others; all keep the memory that they free, as runs do. BN-x30 and BN-x5 with the
slow decay are the program of BN-x5, with other hyperparameters.

python scripts/benchmarks/networks.py          on one core, as the runs had
python scripts/benchmarks/networks.py --tiny   8 pixels, to try it out
"""

import statistics
import tempfile
from argparse import Namespace

import harness
import ratios
from ratios import column

NETWORKS = ('inception', 'bn_baseline', 'bn_x5', 'bn_x5_sigmoid')
DATA, TINY = 'imagenette_160', ('digits', {'model.width': 0.0625})


def options(add) -> None:
  add('--seconds', type=float, default=10.0, help='measured in a process (10)')
  add('--cores', type=int, default=1, help='to which processes are pinned (1)')
  add('--tiny', action='store_true', help='8 pixels, narrow, to try this out')


def measure(options: Namespace) -> dict:
  data, overrides = TINY if options.tiny else (DATA, {})
  task = {
    'overrides': overrides, 'seconds': options.seconds, 'cores': options.cores
  }  # fmt: skip
  with tempfile.TemporaryDirectory() as cache:
    of_network = lambda name: harness.process(
      'subjects.networks_task',
      harness.KEEPING_MEMORY | {'JAX_COMPILATION_CACHE_DIR': cache},
      location=f'configs/{name}.py:{data}', **task,
    )  # fmt: skip
    # So that all rounds find the compiled programs.
    harness.try_out(NETWORKS, of_network, needed=NETWORKS)
    rounds = harness.alternate(NETWORKS, options.rounds, of_network)
  device = next(iter(rounds.values()))[0]['device']
  return {'device': device, 'rounds': rounds, 'facts': {'data': data}}


def table(content: dict) -> list[dict]:
  """A line for each network: its step, and how many times Inception's that is."""
  rounds = content['rounds']
  plain, *_ = seconds = [column(rounds[name], 'seconds_per_step') for name in NETWORKS]
  return [
    {'network': name, 'milliseconds a step': 1e3 * statistics.median(of_one)}
    | ratios.spread(of_one, plain, "times Inception's")
    for name, of_one in zip(NETWORKS, seconds)
  ]


main = harness.Benchmark(
  __doc__, measure, table, (7, 'of all networks'), options
).main  # fmt: skip

if __name__ == '__main__':
  main()

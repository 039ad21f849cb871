"""Runs benchmarks one after the other, or all of them.

python scripts/benchmarks/run.py                    all, some two hours on two cores
python scripts/benchmarks/run.py batch_norm mnist   some
python scripts/benchmarks/run.py mnist --rounds=3   with options, for all that are named

Each is a script here, with options of its own (--help), and writes its JSON and the
tables of results/benchmarks/README.md. The plots are drawn last. A benchmark that fails
does not stop the others.

Left out are training.py, which is made for a GPU, and tables whose circumstances no
script can make:

PYTHON scripts/benchmarks/revisions.py --name=revisions_jax_0.12
PYTHON scripts/benchmarks/mnist.py --name=mnist_jax_0.12
PYTHON scripts/benchmarks/train_step.py --growth --name=growth_jax_0.12
  with the Python of an environment that has jax 0.12
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = (
  'batch_norm', 'mnist', 'mnist_growth', 'train_step', 'growth', 'decode', 'waiting',
  'start', 'inference', 'networks', 'parallel_cost', 'parallel_prediction',
  'parallel_growth', 'revisions',
)  # fmt: skip
# What is another form of some script.
FORMS = {'growth': ('train_step', '--growth')}


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('names', nargs='*', metavar='NAME', help=f'of {", ".join(NAMES)}')
  known, options = parser.parse_known_args()
  if unknown := set(known.names) - set(NAMES):
    parser.error(f'no benchmark {min(unknown)!r}; there are {", ".join(NAMES)}')
  failed = [name for name in known.names or NAMES if run(name, options)]
  where = [option for option in options if option.startswith('--results=')]
  if run('figures', where):
    failed.append('figures')
  if failed:
    print(f'failed: {", ".join(failed)}', file=sys.stderr)
  return int(bool(failed))


def run(name: str, options: list[str]) -> int:
  """Runs one benchmark; returns its exit code."""
  print(f'== {name}', flush=True)
  script, *form = FORMS.get(name, (name,))
  command = [sys.executable, HERE / f'{script}.py', *form, *options]
  return subprocess.run(command).returncode


if __name__ == '__main__':
  sys.exit(main())

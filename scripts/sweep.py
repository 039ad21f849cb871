"""Runs a list of experiments from configs/sweeps; skips what is finished.

python scripts/sweep.py --sweep=configs/sweeps/quickstart.py --root=runs/quickstart
python scripts/sweep.py --sweep=configs/sweeps/mnist_figure1.py --root=runs/figure1 \\
  --only='*_seed0'

Exit codes: 0 all finished, 1 some failed (each is named), 2 a mistake in the command or
the sweep, 75 stopped by SIGTERM, Ctrl-C or a terminal that closed, 130 stopped at once
by a second Ctrl-C.
"""

import argparse

import project  # noqa: F401

from bn_repro.run import config_files, exits, places
from bn_repro.training.sweep import run_sweep


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--sweep', required=True, help='a configs/sweeps file')
  parser.add_argument('--root', required=True, help='gets a folder a run')
  parser.add_argument('--jobs', type=int, default=1, help='runs at a time (1)')
  parser.add_argument('--only', default='*', help="runs of such names, as '*_seed0'")
  arguments = places.parsed(parser, sweep=config_files.find, root=places.folder)
  jobs = max(1, arguments.jobs)
  exits.exit_after(
    lambda: run_sweep(arguments.sweep, arguments.root, jobs, arguments.only)
  )


if __name__ == '__main__':
  main()

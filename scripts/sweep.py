"""Runs a list of experiments from configs/sweeps; skips what is finished.

python scripts/sweep.py --sweep=configs/sweeps/quickstart.py --root=runs/quickstart
python scripts/sweep.py --sweep=configs/sweeps/mnist_figure1.py --root=runs/figure1 \
  --only='*_seed0'

Exit codes: 0 all finished, 1 some failed (each is named), 2 a mistake in what was
asked for, 75 stopped by SIGTERM or Ctrl-C.
"""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bn_repro.errors import UserError
from bn_repro.sweep import run_sweep


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--sweep', type=Path, required=True, help='a configs/sweeps file')
  parser.add_argument('--root', type=Path, required=True, help='gets a folder a run')
  parser.add_argument('--jobs', type=int, default=1, help='runs at a time (1)')
  parser.add_argument('--only', default='*', help="runs of such names, as '*_seed0'")
  arguments = parser.parse_args()
  signal.signal(signal.SIGTERM, signal.default_int_handler)
  try:
    jobs = max(1, arguments.jobs)
    failures = run_sweep(arguments.sweep, arguments.root, jobs, arguments.only)
  except UserError as error:
    sys.exit(_complain(f'error: {error}', 2))
  except KeyboardInterrupt:
    sys.exit(_complain('stopped; the runs are saved, the same command goes on', 75))
  for name, reason in failures.items():
    print(f'failed: {name}: {reason}', file=sys.stderr)
  sys.exit(1 if failures else 0)


def _complain(text: str, code: int) -> int:
  print(text, file=sys.stderr)
  return code


if __name__ == '__main__':
  main()

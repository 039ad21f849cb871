"""What `start.py` starts: this project's program, which ends after its first step.

usage: start_ours.py FLAG...     all but --workdir, which is a new one
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bn_repro.training import command, loop

take_steps = loop.Trainer.take_steps


def take_first(trainer, steps):
  """Takes the first steps, and ends the program."""
  take_steps(trainer, steps)  # it waits for what was measured
  os._exit(0)


if __name__ == '__main__':
  loop.Trainer.take_steps = take_first
  sys.argv.append(f'--workdir={tempfile.mkdtemp()}/run')
  command.main()

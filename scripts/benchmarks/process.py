"""One subject of a benchmark in a process of its own.

python scripts/benchmarks/process.py MODULE TASK

Calls `MODULE.measure(**TASK)`, where TASK is JSON, and prints what it returns, or why
it failed, as one line of JSON. Imports nothing of bn_repro: the Python may be a
rival's.
"""

import importlib
import json
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))


def main() -> None:
  module, task = sys.argv[1:]
  try:
    answer = importlib.import_module(module).measure(**json.loads(task))
  except (ImportError, RuntimeError) as error:
    # Such as no PyTorch here, or no C++ compiler for torch.compile.
    reason = str(error).strip().splitlines()[0]
    answer = {'failed': f'{type(error).__name__}: {reason}'}
  print(json.dumps(answer))


if __name__ == '__main__':
  main()

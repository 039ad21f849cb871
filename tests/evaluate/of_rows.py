"""`python -m bn_repro.evaluate`, where an Inception has some rows of figure 5 alone.

usage: of_rows.py ROWS ARGUMENT...

It compiles sooner. The network must have been saved with these rows.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[level]) for level in (2, 1)]

if __name__ == '__main__':
  from bn_repro.evaluate.command import main
  from reliability.victim import leave_only

  leave_only(sys.argv.pop(1).split(','))
  main()

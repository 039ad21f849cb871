"""python -m bn_repro"""

from bn_repro.training.command import main

if __name__ == '__main__':
  main()

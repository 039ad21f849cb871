"""python -m bn_repro.evaluate"""

from bn_repro.evaluate.command import main

if __name__ == '__main__':
  main()

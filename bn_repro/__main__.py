"""python -m bn_repro"""

from bn_repro.main import main

if __name__ == '__main__':
  main()

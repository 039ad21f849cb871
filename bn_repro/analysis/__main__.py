"""python -m bn_repro.analysis"""

from bn_repro.analysis.command import main

if __name__ == '__main__':
  main()

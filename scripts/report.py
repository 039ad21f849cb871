"""Makes the tables and figures of results/ from finished runs.

python scripts/report.py --root=runs/mnist --results=results/mnist
python scripts/report.py --results=results/mnist      (again, from its own files)
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bn_repro.errors import UserError
from bn_repro.report import collect, mnist, tables

SWEEPS = ('figure1', 'grid')
PROJECT = Path(__file__).resolve().parents[1]


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--root', type=Path, help='has figure1/ and grid/, sweeps')
  parser.add_argument('--results', type=Path, required=True, help='gets the files')
  arguments = parser.parse_args()
  try:
    report(arguments.root, arguments.results)
  except UserError as error:
    print(f'error: {error}', file=sys.stderr)
    sys.exit(2)


def report(root: Path | None, results: Path) -> None:
  """Collects the sweeps under the root, if given, and writes what follows."""
  for name in SWEEPS if root else ():
    if (root / name).is_dir():
      collect.collect(root / name, results, name)
  if not (results / 'figure1.json').exists():
    raise UserError(f'no figure1.json in {results}; give the runs with --root')
  mnist.write(results)
  if results.resolve() == PROJECT / 'results' / 'mnist':
    text = mnist.headline(*(collect.load(results, name) for name in SWEEPS))
    tables.replace_block(PROJECT / 'README.md', 'mnist tables', text)
  for path in sorted(results.iterdir()):
    print(path)


if __name__ == '__main__':
  main()

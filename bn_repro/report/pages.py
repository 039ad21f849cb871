"""Pages of JSON that a command wrote: read, and what a report says of where from.

Does not know what they hold.
"""

import json
from pathlib import Path
from typing import Any

from bn_repro.run.errors import UserError


def read(path: Path, command: str) -> dict[str, Any]:
  """The page.

  Args:
    path: of it.
    command: that makes it, without its `--output`.

  Raises:
    UserError: it is not there.
  """
  if not path.exists():
    raise UserError(f'no {path}; `{command} --output={path}` makes it')
  return json.loads(path.read_text())


def origin(page: dict[str, Any], *checkpoints: str) -> str:
  """The section on the networks, the code, the machine and the versions behind a page.

  Args:
    page: as `provenance.origin` completed it.
    checkpoints: digests of the networks.
  """
  versions = ', '.join(f'{name} {v}' for name, v in page['versions'].items())
  lines = [f'SHA-256 of the checkpoint: {digest}' for digest in checkpoints]
  lines += [f'{name}: {page[name]}' for name in ('git_revision', 'device')]
  bullets = '\n'.join(f'- {line}' for line in [*lines, f'versions: {versions}'])
  return f'## Where the numbers come from\n\n{bullets}'

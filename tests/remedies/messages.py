"""The messages of the program that tell what to do, as its source has them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support import PROJECT

# What raises or prints a message; helpers whose name says that they refuse, too.
_SAYING = re.compile(r'UserError|MachineError|print|warn|refus|interruptible', re.I)
_VERBS = (
  'same',
  'use', 'give', 'set', 'unset', 'remove', 'prepare', 'choose', 'take', 'train', 'ask',
  'put', 'move', 'write', 'make', 'mend', 'leave', 'install', 'run', 'start', 'wait',
  'free', 'convert', 'rename', 'delete', 'name', 'go', 'resumes', 'resume', 'see',
  'tries', 'shows', 'goes', 'enlarge',
)  # fmt: skip
# Of a literal that is said elsewhere than where it stands.
_APART = re.compile(rf'(?:[;:] |, or )(?:{"|".join(_VERBS)})\b')
_REMEDY = re.compile(
  rf'(?:[;,:] |\bor |\bto |\band )(?:{"|".join(_VERBS)})\b|--\w|the same command'
)


class Message(NamedTuple):
  """Where it stands and its words, with {} for what is put in."""

  place: str
  text: str


def with_remedy() -> list[Message]:
  """All messages of the package and its scripts that name a remedy.

  Prose of results, which `report/` writes, is none.
  """
  paths = [*(PROJECT / 'bn_repro').rglob('*.py'), *(PROJECT / 'scripts').glob('*.py')]
  return [
    message
    for path in sorted(paths)
    for message in _of_file(path)
    if _REMEDY.search(message.text)
  ]


def _of_file(path: Path) -> Iterator[Message]:
  tree = ast.parse(path.read_text())
  yield from _apart(tree, path)
  seen = set()
  for call in ast.walk(tree):
    if isinstance(call, ast.Call) and _SAYING.search(_name(call.func)):
      place = f'{path.relative_to(PROJECT)}:{call.lineno}'
      for text in filter(None, map(_text, call.args)):
        if text not in seen:
          seen.add(text)
          yield Message(place, text)


def _apart(tree: ast.Module, path: Path) -> Iterator[Message]:
  """Literals with a remedy that a name or a function hands to what says them."""
  parts = {id(part) for text in _all(tree, ast.JoinedStr) for part in text.values}
  documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
  skipped = parts | {
    id(node.body[0].value)
    for node in _all(tree, documented)
    if node.body and isinstance(node.body[0], ast.Expr)
  }
  for node in _all(tree, (ast.Constant, ast.JoinedStr)):
    text = '' if id(node) in skipped or 'report' in path.parts else _text(node)
    if '\n' not in text and _APART.search(text):
      yield Message(f'{path.relative_to(PROJECT)}:{node.lineno}', text)


def _all(tree: ast.AST, kinds) -> list:
  return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def _name(function: ast.expr) -> str:
  if isinstance(function, ast.Attribute):
    return function.attr
  return function.id if isinstance(function, ast.Name) else ''


def _text(node: ast.expr) -> str:
  """The words of a literal; '' of anything else. A call's own are looked for in it."""
  if isinstance(node, ast.Call) and node.args and _name(node.func) == 'line':
    return _text(node.args[0])
  if isinstance(node, ast.JoinedStr):
    return ''.join(map(_text, node.values))
  if isinstance(node, ast.FormattedValue):
    return '{}'
  is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
  return node.value if is_text else ''

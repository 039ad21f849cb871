"""Runs `python -m bn_repro` again and again, each time in a fork of this process.

usage: fork_server.py MODULE...

What every command line needs is imported once, and so are the modules that are named,
so that a mistake is answered within milliseconds; `bn_repro.training.command` itself
is imported by each fork, after its arguments are known, as in a new process. Requests
and answers are lines of JSON. Does not know which answers are right.
"""

import importlib
import json
import os
import resource
import runpy
import signal
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MEMORY = 12 * 2**30
# What `bn_repro.training.command` imports before it looks at its arguments.
BEFORE_ITS_ARGUMENTS = ('bn_repro.run.config', 'ml_collections.config_flags')
POLL_SECONDS = 0.002
# Events of Python that change files or start programs: where their paths are.
WRITING = {
  'os.mkdir': (0,), 'os.rmdir': (0,), 'os.remove': (0,), 'os.rename': (0, 1),
  'os.link': (0, 1), 'os.symlink': (1,), 'os.truncate': (0,), 'os.chmod': (0,),
  'os.chown': (0,), 'os.utime': (0,), 'shutil.rmtree': (0,), 'os.mkfifo': (0,),
}  # fmt: skip
STARTING = ('os.system', 'subprocess.Popen', 'os.exec', 'os.posix_spawn')
OPENED_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def serve() -> dict | None:
  """Answers requests to the end of stdin; in a fork, returns its request."""
  for line in sys.stdin:
    request = json.loads(line)
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
      return request
    print(json.dumps(_wait(process, request['seconds'])), flush=True)
  return None


def _wait(process: int, seconds: float) -> dict:
  """How a fork ended; with all that it started, it is killed when time is over."""
  began = time.monotonic()
  is_late = False
  while not (ended := os.waitpid(process, os.WNOHANG))[0]:
    is_late = time.monotonic() - began > seconds
    if is_late:
      _kill_group(process)
      ended = os.waitpid(process, 0)
      break
    time.sleep(POLL_SECONDS)
  return {
    'code': os.waitstatus_to_exitcode(ended[1]),
    'seconds': time.monotonic() - began,
    'is_late': is_late,
    'left_processes': _kill_group(process) and not is_late,
  }


def _kill_group(process: int) -> bool:
  """Kills what is left of a fork and its children; says whether anything was."""
  try:
    os.killpg(process, signal.SIGKILL)
  except (ProcessLookupError, PermissionError):
    return False
  return True


def become(request: dict) -> None:
  """Turns this fork into a process of its own: files, limits, arguments."""
  os.setpgid(0, 0)
  os.chdir(request['directory'])
  os.environ.update(request['environment'])
  outputs = Path(request['outputs'])
  for number, path in enumerate(('/dev/null', outputs / 'stdout', outputs / 'stderr')):
    flags = os.O_RDWR | (0 if number == 0 else os.O_CREAT)
    os.dup2(os.open(path, flags, 0o600), number)
  resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
  resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
  sys.argv = ['bn_repro', *request['arguments']]
  _watch(outputs / 'touched', request['allowed'])


def _watch(notes: Path, allowed: list[str]) -> None:
  """Notes what is written or started, but for paths under `allowed`."""
  file = os.open(notes, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

  def hook(event: str, arguments: tuple) -> None:
    if event == 'open':
      path, _, flags = arguments
      paths = [path] if flags & OPENED_FOR_WRITING else []
    elif event in WRITING:
      paths = [arguments[i] for i in WRITING[event]]
      if event == 'os.mkdir' and os.path.isdir(paths[0]):
        return  # which changes nothing
    else:
      if event in STARTING and not _is_meant(arguments):
        os.write(file, f'{event} {arguments!r:.200}\n'.encode(errors='replace'))
      return
    for path in paths:
      if not isinstance(path, int) and not _is_under(path, allowed):
        os.write(file, f'{event} {path!r:.200}\n'.encode(errors='replace'))

  sys.addaudithook(hook)


def _is_under(path, allowed: list[str]) -> bool:
  whole = os.path.abspath(os.fsdecode(path))
  return any(whole == place or whole.startswith(f'{place}/') for place in allowed)


def _is_meant(arguments: tuple) -> bool:
  """The programs that tell the revision of the code and the processor."""
  return str(arguments[0]).rpartition('/')[2] in ('git', 'uname')


if __name__ == '__main__':
  sys.path.insert(0, str(PROJECT))
  sys.dont_write_bytecode = True
  for name in (*BEFORE_ITS_ARGUMENTS, *sys.argv[1:]):
    importlib.import_module(name)

  if (request := serve()) is not None:
    become(request)
    runpy.run_module('bn_repro', run_name='__main__')

"""Programs of this project, each in a fork of a process that has imported JAX.

To import JAX, Flax and Orbax takes longer than a short run. One server
for each process of pytest does so once. A fork of it is a process of its own, with
its own arguments, variables, folder and files; no platform of JAX has started in it.
Does not know what a program does.
"""

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[1]
# What the imports read: a program with others of them is a process from the start.
READ_BY_IMPORTS = ('JAX', 'TF_', 'PYTHON', 'LD_', 'OMP_', 'OPENBLAS', 'MKL', 'FLAX')
IMPORTED = (
  'jax', 'bn_repro.training.loop', 'bn_repro.training.resume',
  'bn_repro.run.collectives', 'bn_repro.run.compilation', 'bn_repro.run.exits',
)  # fmt: skip
# As JAX's jax_disable_most_optimizations, which our programs set themselves.
QUICK = {
  'XLA_FLAGS': '--xla_backend_optimization_level=0'
  ' --xla_llvm_disable_expensive_passes=true'
}
MOST_BYTES, MOST_FILES = 2**18, 16
PID, STATUS = struct.Struct('q'), struct.Struct('i')


class Forked:
  """A process, with those methods of `subprocess.Popen` that the tests call.

  What it writes is read when it has ended.
  """

  def __init__(self, words, cwd, env, pass_fds=()):
    self.args, self.returncode = words, None
    self._outputs = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
    outputs = [each.fileno() for each in self._outputs]
    self._status, self.pid = _request(
      _server().socket, words, cwd, env, outputs, pass_fds
    )

  def poll(self):
    """The exit code; None while it runs."""
    with contextlib.suppress(subprocess.TimeoutExpired):
      self.wait(0)
    return self.returncode

  def wait(self, timeout=None):
    """The exit code, once it has ended."""
    if self.returncode is None:
      waiting = select.poll()  # `select` takes no descriptor above 1023
      waiting.register(self._status, select.POLLIN)
      if not waiting.poll(None if timeout is None else 1000 * timeout):
        raise subprocess.TimeoutExpired(self.args, timeout)
      self.returncode = _exit_code(self._status)
    return self.returncode

  def communicate(self, timeout=None):
    """What it wrote to stdout and to stderr, once it has ended."""
    self.wait(timeout)
    texts = []
    for output in self._outputs:
      output.seek(0)
      texts.append(output.read().decode())
    return tuple(texts)

  def send_signal(self, number):
    if self.poll() is None:
      os.kill(self.pid, number)

  def terminate(self):
    self.send_signal(signal.SIGTERM)

  def kill(self):
    self.send_signal(signal.SIGKILL)


def _request(server, words, cwd, env, outputs, pass_fds=()) -> tuple[int, int]:
  """Asks for a fork; the pipe through which it tells its status, and its process."""
  status, writing = os.pipe()
  request = {'words': words, 'cwd': str(cwd), 'env': env, 'files': list(pass_fds)}
  files = [writing, *outputs, *pass_fds]
  socket.send_fds(server, [json.dumps(request).encode()], files)
  os.close(writing)
  (process,) = PID.unpack(os.read(status, PID.size))
  return status, process


def _exit_code(pipe: int) -> int:
  """The exit code of a fork, once it has ended."""
  (status,) = STATUS.unpack(os.read(pipe, STATUS.size))
  os.close(pipe)
  return os.waitstatus_to_exitcode(status)


def start(words, cwd=PROJECT, env=None, pass_fds=()):
  """A process of `-m MODULE ARGUMENT...` or `SCRIPT ARGUMENT...`.

  No fork if it might import something else: in another folder, or with other variables.
  """
  words = [str(word) for word in words]
  env = env or clean_environment()
  is_here = Path(cwd) == PROJECT
  if is_here and _read_by_imports(env) == _server().environment:
    return Forked(words, cwd, env, pass_fds)
  return start_apart(words, cwd, env, pass_fds)


def start_apart(words, cwd=PROJECT, env=None, pass_fds=()):
  """As `start`, but no fork: what it imports, it imports itself."""
  return subprocess.Popen(
    [sys.executable, *map(str, words)], cwd=cwd, env=env or clean_environment(),
    pass_fds=pass_fds, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
  )  # fmt: skip


def run(words, cwd=PROJECT, env=None, timeout=600) -> subprocess.CompletedProcess:
  """As `start`, to its end."""
  process = start(words, cwd, env)
  try:
    stdout, stderr = process.communicate(timeout=timeout)
  except subprocess.TimeoutExpired:
    process.kill()
    raise
  return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)


class _Server(NamedTuple):
  """A process of `serve`, to which requests go through a socket."""

  socket: socket.socket
  environment: dict[str, str]


@functools.cache
def _server() -> _Server:
  """The server of this process, which ends with it."""
  ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
  environment = clean_environment()
  process = subprocess.Popen(
    [sys.executable, __file__, str(theirs.fileno()), *IMPORTED],
    cwd=PROJECT, env=environment, pass_fds=[theirs.fileno()],
  )  # fmt: skip
  theirs.close()
  atexit.register(_end, process, ours)
  return _Server(ours, _read_by_imports(environment))


def _end(process: subprocess.Popen, requests: socket.socket) -> None:
  requests.close()
  process.wait()


@contextlib.contextmanager
def environment_of_forks(folder: Path, python: Path, imported: list[str], **variables):
  """A virtual environment whose Python is a fork of one that has imported modules."""
  path, program = str(folder / 'socket'), folder / 'bin' / 'python'
  program.parent.mkdir(parents=True)
  program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {path} "$@"\n')
  program.chmod(0o700)
  with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requests:
    requests.bind(path)
    process = subprocess.Popen(
      [python, __file__, str(requests.fileno()), *imported],
      cwd=PROJECT, env=clean_environment() | variables, pass_fds=[requests.fileno()],
    )  # fmt: skip
  try:
    yield
  finally:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
      server.sendto(b'', path)
    process.wait()


@contextlib.contextmanager
def python(folder: Path):
  """What a program is called with whose own programs are to be forks, too.

  The program, and the variables that it needs. XLA leaves out most optimizations.
  """
  program = str(folder / 'bin' / 'python')
  with environment_of_forks(folder, Path(sys.executable), IMPORTED):
    yield program, clean_environment() | QUICK | {'PYTHON_OF_FORKS': program}


def in_fork(path: str, words: list[str]) -> int:
  """Lets the server at a path run a program in a fork; the exit code."""
  with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
    server.connect(path)
    status, _ = _request(server, words, os.getcwd(), dict(os.environ), (1, 2))
  return _exit_code(status)


def clean_environment() -> dict[str, str]:
  """This process's environment without the suite's eight devices and JAX's own."""
  of_jax = ('XLA_FLAGS', 'TF_CPP_MIN_LOG_LEVEL')
  return {k: v for k, v in os.environ.items() if k not in of_jax}


def _read_by_imports(environment) -> dict[str, str]:
  return {k: v for k, v in environment.items() if k.startswith(READ_BY_IMPORTS)}


def serve(requests: socket.socket) -> dict | None:
  """Answers requests until nobody can send any; in a fork, returns its request."""
  waking, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
  signal.signal(signal.SIGCHLD, lambda *_: None)
  signal.set_wakeup_fd(woken)
  running: dict[int, int] = {}
  while True:
    ready, _, _ = select.select([requests, waking], [], [])
    if waking in ready:
      os.read(waking, 1024)
      _tell_of_the_ended(running)
    if requests in ready:
      text, files, _, _ = socket.recv_fds(requests, MOST_BYTES, MOST_FILES)
      if not text:
        return None
      if (process := os.fork()) == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (waking, woken, requests.detach(), *running.values()):
          os.close(each)
        return json.loads(text) | {'received': files}
      running[process] = files[0]
      os.write(files[0], PID.pack(process))
      for each in files[1:]:
        os.close(each)


def _tell_of_the_ended(running: dict[int, int]) -> None:
  """Writes the status of each process that has ended to its pipe."""
  while running:
    process, status = os.waitpid(-1, os.WNOHANG)
    if process == 0:
      return
    pipe = running.pop(process)
    with contextlib.suppress(BrokenPipeError):
      os.write(pipe, STATUS.pack(status))
    os.close(pipe)


def become(request: dict) -> None:
  """Turns this fork into the process that was asked for, and runs its program."""
  numbers = [0, 1, 2, *request['files']]
  status, *files = request['received']
  os.close(status)
  files.insert(0, os.open(os.devnull, os.O_RDONLY))
  above = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 500) for each in files]
  for each in files:
    os.close(each)
  for number, each in zip(numbers, above, strict=True):
    os.dup2(each, number)
    os.close(each)
  os.chdir(request['cwd'])
  os.environ.clear()
  os.environ.update(request['env'])
  first, *rest = request['words']
  sys.dont_write_bytecode = False
  sys.executable = os.environ.get('PYTHON_OF_FORKS', sys.executable)
  if first == '-m':
    sys.argv = rest
    sys.path[0] = request['cwd']
    runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
  elif first == '-c':
    sys.argv = ['-c', *rest[1:]]
    exec(rest[0], {'__name__': '__main__'})
  else:
    sys.argv = request['words']
    sys.path[0] = os.path.dirname(os.path.abspath(first))
    runpy.run_path(first, run_name='__main__')


def _import(names: list[str]) -> None:
  """What the programs import, but for what they run first."""
  sys.path.insert(0, str(PROJECT))
  for name in names:
    importlib.import_module(name)
  if 'jax' in names:
    _keep_what_any_process_compiles()
  gc.collect()
  gc.freeze()


def _keep_what_any_process_compiles() -> None:
  """Of several processes, JAX lets the first write what it has compiled alone."""
  from jax._src import compiler, distributed

  write = compiler._cache_write

  def write_as_first(*arguments):
    state = distributed.global_state
    number, state.process_id = state.process_id, 0
    try:
      write(*arguments)
    finally:
      state.process_id = number

  compiler._cache_write = write_as_first


if __name__ == '__main__':
  first, *rest = sys.argv[1:]
  if not first.isdecimal():
    sys.exit(in_fork(first, rest))
  _import(rest)
  if (request := serve(socket.socket(fileno=int(first)))) is not None:
    become(request)

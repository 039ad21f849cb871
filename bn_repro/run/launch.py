"""Which launcher started this process, and as one of how many, from the environment.

A process is one of several if it is a task of an `srun` step, a rank of `mpirun` or a
host of a TPU pod. JAX must be able to find the others by the same variables
(jax/_src/clusters); if it cannot, an error names them and the flags to use. With less
(`salloc` or `sbatch` without `srun`, variables of a TPU pod without a TPU, a count
without a rank) the process trains alone and says so.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bn_repro.run.errors import UserError, shortened

# Read by JAX's own detection of a SLURM step (since 0.9; 0.8 reads the first).
SLURM_STEP = (
  'SLURM_JOB_ID', 'SLURM_STEP_NODELIST', 'SLURM_NTASKS', 'SLURM_PROCID',
  'SLURM_LOCALID',
)  # fmt: skip
OMPI = ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK')
OMPI_ADDRESS = ('OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_LOCAL_RANK')
PMI = ('PMI_SIZE', 'PMI_RANK')
# Launcher, its count and rank, whether mpi4py can connect the processes.
OTHERS = (
  ('mpiexec', PMI, True),
  ('mpirun', ('MV2_COMM_WORLD_SIZE', 'MV2_COMM_WORLD_RANK'), True),
  ('jsrun', ('JSM_NAMESPACE_SIZE', 'JSM_NAMESPACE_RANK'), True),
  ('flux', ('FLUX_JOB_SIZE', 'FLUX_TASK_RANK'), False),
  ('torchrun', ('WORLD_SIZE', 'RANK'), False),
)
TPU_HOSTS = ('TPU_PROCESS_ADDRESSES', 'TPU_WORKER_HOSTNAMES')
# Steps from this number on are a batch script or a shell in it, not tasks.
FIRST_SPECIAL_STEP = 4_294_967_290
FLAGS = '--coordinator=HOST:PORT, --num_processes and --process_id'


class Launch(NamedTuple):
  """How this process was started.

  Attributes:
    method: of JAX to find the others (`cluster_detection_method`), or None.
    count: of all processes.
    variables: that say so, such as SLURM_NTASKS=4.
    note: why the process trains alone although variables name several.
  """

  method: str | None = None
  count: int = 1
  variables: str = ''
  note: str = ''


class Machine(NamedTuple):
  """The facts that are not in the environment; `is_tpu`: JAX finds a TPU here."""

  pid: int = 0
  is_tpu: bool = False
  has_mpi4py: bool = False


class _Environment(dict):
  def number(self, name: str) -> int | None:
    text = self.get(name, '')
    return int(text) if text.isdecimal() and len(text) < 12 else None

  def count(self, name: str) -> int:
    return self.number(name) or 1

  def count_and_rank(self, names: tuple[str, str]) -> tuple[int, int | None]:
    """The values of two variables; 1 and None if they are no such numbers."""
    count, rank = self.count(names[0]), self.number(names[1])
    return count, rank if rank is not None and rank < count else None

  def shown(self, *names: str) -> str:
    """The variables that are set, such as SLURM_NTASKS=4 and SLURM_PROCID=0."""
    present = [name for name in names if self.get(name)]
    return ' and '.join(f'{name}={shortened(self[name])}' for name in present)


def detect(environment: Mapping[str, str], machine: Machine) -> Launch:
  """How the process with these variables was started.

  In JAX's order: Open MPI, whose ranks may inherit the variables of the SLURM step that
  started its daemons, then SLURM, then a TPU pod.
  """
  variables = _Environment(environment)
  return (
    _open_mpi(variables, machine)
    or _slurm(variables, machine)
    or _others(variables, machine)
    or _tpu(variables, machine)
    or Launch(note=_note(variables))
  )


def _open_mpi(environment: _Environment, machine: Machine) -> Launch | None:
  count, rank = environment.count_and_rank(OMPI)
  if count > 1 and rank is not None and environment.keys() >= set(OMPI_ADDRESS):
    return Launch('ompi', count, environment.shown(*OMPI))
  return _by_mpi4py(environment, machine, 'mpirun', OMPI)


def _by_mpi4py(
  environment: _Environment,
  machine: Machine,
  launcher: str,
  names: tuple[str, str],
  is_mpi: bool = True,
) -> Launch | None:
  """For a launcher that JAX does not know; `names` are its count and rank."""
  count, rank = environment.count_and_rank(names)
  if count == 1 or rank is None:
    return None
  variables = environment.shown(*names)
  if is_mpi and machine.has_mpi4py:
    return Launch('mpi4py', count, variables)
  raise UserError(
    f'{variables} say that {launcher} started this process as one of {count}, and JAX '
    f'cannot find the others by them; {"install mpi4py, or " if is_mpi else ""}give '
    f'each --coordinator=HOST:PORT, --num_processes={count} and its own --process_id '
    f'(here {rank}), or unset them to train alone'
  )


def _slurm(environment: _Environment, machine: Machine) -> Launch | None:
  """For a task of a step; not for the batch script or a shell in a terminal."""
  tasks = environment.count('SLURM_NTASKS')
  count = environment.number('SLURM_STEP_NUM_TASKS') or tasks
  rank = environment.number('SLURM_PROCID')
  if count < 2 or not _is_task(environment, machine.pid):
    return None
  # srun's own PMI has the count and rank of SLURM. With another one, the tasks are
  # daemons of MPI, which start the processes of the run.
  of_mpi = environment.count_and_rank(PMI)
  if None not in of_mpi and of_mpi[0] > 1 and of_mpi != (count, rank):
    return None
  variables = environment.shown('SLURM_NTASKS', 'SLURM_PROCID')
  if missing := [name for name in SLURM_STEP if name not in environment]:
    raise UserError(
      f'{variables} say that srun started this process as one of {count}, but '
      f'{", ".join(missing)} {"is" if len(missing) == 1 else "are"} not set, by which '
      f'JAX finds the others; start it by srun, or give each {FLAGS}, or unset '
      'SLURM_NTASKS to train alone'
    )
  return Launch('slurm', count, f'{variables}, {environment.shown(SLURM_STEP[1])}')


def _is_task(environment: _Environment, pid: int) -> bool:
  if 'SLURM_PTY_PORT' in environment:
    # In `srun --pty bash` the shell is the task, and nothing starts the others.
    return environment.get('SLURM_TASK_PID') == str(pid)
  if environment.number('SLURM_PROCID'):  # a batch script is 0
    return True
  name = 'SLURM_STEP_ID' if 'SLURM_STEP_ID' in environment else 'SLURM_STEPID'
  step = environment.number(name)
  if step is not None:
    return step < FIRST_SPECIAL_STEP
  return environment.keys() >= set(SLURM_STEP)


def _others(environment: _Environment, machine: Machine) -> Launch | None:
  of_slurm = environment.count_and_rank(('SLURM_STEP_NUM_TASKS', 'SLURM_PROCID'))
  for launcher, names, is_mpi in OTHERS:
    # In a shell in a terminal the variables of MPI may be of srun's own PMI.
    is_shell = is_mpi and 'SLURM_PTY_PORT' in environment
    if is_shell and environment.count_and_rank(names) == of_slurm:
      continue
    if launch := _by_mpi4py(environment, machine, launcher, names, is_mpi):
      return launch
  return None


def _tpu(environment: _Environment, machine: Machine) -> Launch | None:
  count = tpu_count(environment)
  if count == 1:
    return None
  variables = environment.shown(*TPU_HOSTS, 'MEGASCALE_NUM_SLICES', 'TPU_WORKER_ID')
  if not machine.is_tpu:
    return Launch(
      note=f'{variables}, but JAX finds no TPU here: this process trains alone; to '
      f'train together with others give each {FLAGS}'
    )
  if environment.number('TPU_WORKER_ID') is None:
    raise UserError(
      f'{variables} say that this host is one of {count} of a TPU pod, but not which; '
      f'set TPU_WORKER_ID to its number from 0, or give each {FLAGS}'
    )
  return Launch('gketpu', count, variables)


def tpu_count(environment: Mapping[str, str]) -> int:
  """The number of hosts of a TPU pod over all slices; 1 if variables name none."""
  named = next(filter(None, map(environment.get, TPU_HOSTS)), '')
  hosts = sum(bool(host.strip()) for host in named.split(','))
  return max(1, hosts) * _Environment(environment).count('MEGASCALE_NUM_SLICES')


def _note(environment: _Environment) -> str:
  """Which variables name several processes, for one that trains alone; or none."""
  if name := _allocation(environment):
    return (
      f'{environment.shown(name)}, but no srun started this process as one of them: it '
      f'trains alone; to train together start it by srun, or give each {FLAGS}'
    )
  sizes = (OMPI[0], *(names[0] for _, names, _ in OTHERS))
  parts = ('JAX_COORDINATOR_ADDRESS', 'JOB_COMPLETION_INDEX', 'PMIX_RANK')
  missing = {name: 'which of them this is' for name in sizes
             if environment.count(name) > 1}  # fmt: skip
  missing |= {name: 'how many there are' for name in parts if environment.get(name)}
  for name, fact in missing.items():
    return (
      f'{environment.shown(name)}, but nothing says {fact}: this process trains alone; '
      f'to train together with others give each {FLAGS}'
    )
  return ''


def _allocation(environment: _Environment) -> str | None:
  names = ['SLURM_NTASKS']
  if 'SLURM_PTY_PORT' in environment or 'SLURM_STEP_NUM_TASKS' not in environment:
    names += ['SLURM_JOB_NUM_NODES', 'SLURM_NNODES']  # `srun -n 1` is meant so
  return next((name for name in names if environment.count(name) > 1), None)

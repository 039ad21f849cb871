"""Which environments make a process one of several, and which only look like it."""

import pytest

from bn_repro.run.errors import UserError
from bn_repro.run.launch import SLURM_STEP, Launch, Machine, detect
from support import as_flags, program

URI = 'OMPI_MCA_orte_hnp_uri'
ALLOCATION = {'SLURM_JOB_ID': '77', 'SLURM_NTASKS': '4', 'SLURM_JOB_NODELIST': 'n[1-2]'}
BATCH = ALLOCATION | {'SLURM_PROCID': '0', 'SLURM_LOCALID': '0', 'SLURM_NODEID': '0'}
STEP = BATCH | {'SLURM_STEP_ID': '0', 'SLURM_STEP_NODELIST': 'n[1-2]'}
OMPI = {'OMPI_COMM_WORLD_SIZE': '4', 'OMPI_COMM_WORLD_RANK': '1'}
OMPI_4 = OMPI | {URI: '1531576320.0;tcp://10.96.0.1:34911'}
OMPI_4 |= {'OMPI_COMM_WORLD_LOCAL_RANK': '1'}
TPU = {'TPU_WORKER_HOSTNAMES': 'a,b', 'TPU_WORKER_ID': '1'}
ON_TPU = Machine(is_tpu=True)
WITH_MPI4PY = Machine(has_mpi4py=True)
PTY = {'SLURM_PTY_PORT': '4711', 'SLURM_TASK_PID': '30'}

SEVERAL = {
  'srun': (STEP, Machine(), 'slurm', 4),
  'srun, another task': (STEP | {'SLURM_PROCID': '3'}, Machine(), 'slurm', 4),
  'srun without the number of the step': (
    {name: STEP[name] for name in SLURM_STEP}, Machine(), 'slurm', 4),
  'srun -n 2 in an allocation of 4': (
    STEP | {'SLURM_STEP_NUM_TASKS': '2'}, Machine(), 'slurm', 2),
  'srun --mpi=pmi2': (STEP | {'PMI_SIZE': '4', 'PMI_RANK': '0'}, Machine(), 'slurm', 4),
  'srun --pty python': (STEP | PTY, Machine(30), 'slurm', 4),
  'mpirun, Open MPI 4': (OMPI_4, Machine(), 'ompi', 4),
  'mpirun in a SLURM step of daemons': (
    OMPI_4 | STEP | {'SLURM_NTASKS': '2'}, Machine(), 'ompi', 4),
  'mpirun, Open MPI 5 with mpi4py': (OMPI, WITH_MPI4PY, 'mpi4py', 4),
  'mpiexec with mpi4py': ({'PMI_SIZE': '2', 'PMI_RANK': '1'}, WITH_MPI4PY, 'mpi4py', 2),
  'mpiexec whose daemons srun started': (
    STEP | {'SLURM_NTASKS': '2', 'PMI_SIZE': '8', 'PMI_RANK': '5'}, WITH_MPI4PY,
    'mpi4py', 8),
  'a TPU pod': (TPU, ON_TPU, 'gketpu', 2),
  'two slices of a TPU': (TPU | {'MEGASCALE_NUM_SLICES': '2'}, ON_TPU, 'gketpu', 4),
  'two slices of one host': (
    TPU | {'TPU_WORKER_HOSTNAMES': 'a', 'MEGASCALE_NUM_SLICES': '2'}, ON_TPU,
    'gketpu', 2),
}  # fmt: skip
# The variable that the note names; None for a process that is alone without a word.
ALONE = {
  'a desk': ({}, None),
  'salloc': (ALLOCATION, 'SLURM_NTASKS=4'),
  'salloc -N 2': ({'SLURM_JOB_ID': '7', 'SLURM_NNODES': '2'}, 'SLURM_NNODES=2'),
  'sbatch without srun': (BATCH, 'SLURM_NTASKS=4'),
  'sbatch that numbers its script': (
    BATCH | {'SLURM_STEP_ID': '4294967291'}, 'SLURM_NTASKS=4'),
  'salloc, interactive step': (
    STEP | {'SLURM_STEP_ID': '4294967290', 'SLURM_STEP_NUM_TASKS': '1'},
    'SLURM_NTASKS=4'),
  'srun --pty bash': (STEP | PTY, 'SLURM_NTASKS=4'),
  'srun --mpi=pmi2 --pty bash': (
    STEP | PTY | {'SLURM_STEP_NUM_TASKS': '4', 'PMI_SIZE': '4', 'PMI_RANK': '0'},
    'SLURM_NTASKS=4'),
  'ssh into a node': ({'SLURM_JOB_ID': '77'}, None),
  'srun -n 1': (STEP | {'SLURM_NTASKS': '1', 'SLURM_STEP_NUM_TASKS': '1'}, None),
  'srun -n 1 in two nodes': (
    STEP | {'SLURM_NTASKS': '1', 'SLURM_STEP_NUM_TASKS': '1', 'SLURM_NNODES': '2'},
    None),
  'a count that is none': ({'SLURM_NTASKS': '4(x2)'}, None),
  'mpirun -n 1': (
    OMPI_4 | {'OMPI_COMM_WORLD_SIZE': '1', 'OMPI_COMM_WORLD_RANK': '0'}, None),
  'a count of ranks alone': ({'OMPI_COMM_WORLD_SIZE': '4'}, 'OMPI_COMM_WORLD_SIZE=4'),
  'torchrun, one': ({'WORLD_SIZE': '1', 'RANK': '0'}, None),
  'WORLD_SIZE in an image': ({'WORLD_SIZE': '8'}, 'WORLD_SIZE=8'),
  'TPU variables in an image': (TPU, 'TPU_WORKER_HOSTNAMES=a,b'),
  'addresses of a TPU in an image': (
    {'TPU_PROCESS_ADDRESSES': 'a:1,b:1'}, 'TPU_PROCESS_ADDRESSES=a:1,b:1'),
  'a TPU of one host': ({'TPU_WORKER_HOSTNAMES': 'localhost'}, None),
  'a pod of Kubernetes': ({'KUBERNETES_SERVICE_HOST': '10.0.0.1'}, None),
  'an indexed job': (
    {'KUBERNETES_SERVICE_HOST': '10.0.0.1', 'JOB_COMPLETION_INDEX': '0'},
    'JOB_COMPLETION_INDEX=0'),
  'a coordinator alone': (
    {'JAX_COORDINATOR_ADDRESS': 'a:1'}, 'JAX_COORDINATOR_ADDRESS=a:1'),
}  # fmt: skip
REFUSED = {
  'mpirun, Open MPI 5': (OMPI, 'OMPI_COMM_WORLD_SIZE=4'),
  'mpiexec': ({'PMI_SIZE': '2', 'PMI_RANK': '0'}, 'PMI_SIZE=2'),
  'MVAPICH': (
    {'MV2_COMM_WORLD_SIZE': '2', 'MV2_COMM_WORLD_RANK': '0'}, 'MV2_COMM_WORLD_SIZE=2'),
  'torchrun': ({'WORLD_SIZE': '2', 'RANK': '1'}, 'WORLD_SIZE=2'),
  'flux': ({'FLUX_JOB_SIZE': '2', 'FLUX_TASK_RANK': '1'}, 'FLUX_JOB_SIZE=2'),
  'a SLURM task that lost a variable': (
    {name: STEP[name] for name in SLURM_STEP[2:]} | {'SLURM_PROCID': '1'},
    'SLURM_STEP_NODELIST'),
}  # fmt: skip


@pytest.mark.parametrize('name', SEVERAL)
def test_a_launcher_makes_one_of_several(name):
  """By JAX's own name of it, with as many processes as it started."""
  environment, machine, method, count = SEVERAL[name]
  launch = detect(environment, machine)
  assert (launch.method, launch.count, launch.note) == (method, count, '')
  assert launch.variables


@pytest.mark.parametrize('name', ALONE)
def test_alone_where_no_launcher_started_several(name):
  """With a note that names the variable and the way to join, if one speaks of more."""
  environment, variable = ALONE[name]
  launch = detect(environment, Machine(31))
  assert (launch.method, launch.count) == (None, 1)
  if variable is None:
    assert launch == Launch()
  else:
    assert variable in launch.note and '--coordinator' in launch.note


@pytest.mark.parametrize('name', REFUSED)
def test_refused_where_jax_cannot_find_the_others(name):
  """Not alone, which all of them would be, in one workdir."""
  environment, variable = REFUSED[name]
  with pytest.raises(UserError, match=variable) as raised:
    detect(environment, Machine())
  assert '--process_id' in str(raised.value)


def test_a_tpu_host_must_know_which_it_is():
  environment = {'TPU_WORKER_HOSTNAMES': 'a,b'}
  with pytest.raises(UserError, match='TPU_WORKER_ID'):
    detect(environment, ON_TPU)


@pytest.mark.parametrize('name', ['srun', 'mpirun, Open MPI 4'])
def test_jax_finds_what_we_say_it_does(name, monkeypatch):
  """Its cluster of that name is present in such an environment."""
  from jax._src import cloud_tpu_init, clusters

  environment, _, method, _ = SEVERAL[name]
  for variable, value in environment.items():
    monkeypatch.setenv(variable, value)
  kinds = clusters.ClusterEnv._cluster_types  # one of jax 0.8 has no name
  (cluster,) = (kind for kind in kinds if getattr(kind, 'name', '') == method)
  assert cluster.is_env_present()
  assert cluster.get_process_id() in range(4)
  assert cloud_tpu_init.running_in_cloud_tpu_vm in (False, True)


@pytest.mark.slow
@pytest.mark.fault('an environment that only looks like several processes')
@pytest.mark.parametrize('name', ['sbatch without srun', 'TPU variables in an image'])
def test_the_program_trains_alone_and_says_so(tmp_path, name):
  """One line more on stderr than at a desk, and the run ends well."""
  environment, variable = ALONE[name]
  settings = {'dataset.name': 'digits', 'train_for': '5 steps'}
  result = program(
    '--config=configs/mnist.py', f'--workdir={tmp_path}', *as_flags(settings),
    **environment,
  )  # fmt: skip
  assert result.returncode == 0, result.stderr
  notes = [line for line in result.stderr.splitlines() if line.startswith('note: ')]
  assert len(notes) == 1 and variable in notes[0]


def test_the_program_refuses_ranks_that_cannot_meet(tmp_path):
  """In one line with code 2, and nothing is written."""
  workdir = tmp_path / 'run'
  result = program(
    '--config=configs/mnist.py', '--config.dataset.name=digits',
    f'--workdir={workdir}', **OMPI,
  )  # fmt: skip
  (line,) = result.stderr.splitlines()
  assert result.returncode == 2
  assert line.startswith('error: OMPI_COMM_WORLD_SIZE=4') and not workdir.exists()

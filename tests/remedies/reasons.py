"""Messages whose remedy no test can follow, or which another test follows."""

_NETWORK = 'names another network; the tests of analysis and serving use such ones'
_PROCESSES = 'needs several processes: tests/end_to_end/test_processes.py'
_LAYER = 'of the layer: tests/test_batch_norm_layer.py and test_batch_norm_arguments'
_HELP = 'points to --help, which tests/end_to_end/test_command_line.py reads'
_PREPARING = 'needs TensorFlow or a catalogue: tests/test_prepare_data.py'
_RESULTS = 'needs results of trained runs: tests/report'
_PERSON = 'needs a person, or what a test has not: another machine or more memory'
_EVALUATION = 'of evaluation: tests/evaluate and tests/end_to_end/test_evaluate.py'

# Words of a message: why it is not among the scenarios.
REASONS = {
  'see --help': _HELP,
  '--help shows what is allowed': _HELP,
  'choose a run with means and variances': _NETWORK,
  'choose a run on one of': _NETWORK,
  'choose a run of configs/mnist.py': _NETWORK,
  'choose a run that has': _NETWORK,
  'choose a network with batch normalization before': _NETWORK,
  'free some and give the same': _PERSON,
  "name it in jax.jit's static_argnames": _LAYER,
  'over several: set one of them': _LAYER,
  'use a larger batch or group': _LAYER,
  'run it with one process': _PROCESSES,
  'use 0 for all': _PROCESSES,
  'give all of them the same': _PROCESSES,
  'start all again': _PROCESSES,
  'start all of them within': _PROCESSES,
  'the same launcher, or give each': _PROCESSES,
  'its own --process_id': _PROCESSES,
  'to its number from 0, or give each': _PROCESSES,
  'start it by srun': _PROCESSES,
  '--coordinator, --num_processes and --process_id together': _PROCESSES,
  '--process_id={} is not from 0': _PROCESSES,
  'use the code that trained it': _PERSON,
  'go on with the code that began the run': _PERSON,
  'install what requirements.txt names': _PERSON,
  'start only one run in it at a time': _PERSON,
  'the same command resumes once that is mended': 'tests/reliability/test_resources.py',
  'set its variable so, or unset it': 'needs a new process: tests/test_devices.py',
  'choose another --dataset': _EVALUATION,
  'choose a --dataset with the same': _EVALUATION,
  '--dataset={}: choose': _EVALUATION,
  'take more of them': _EVALUATION,
  'use the same config.dataset.on_corrupt': _EVALUATION,
  'put the old set back': _EVALUATION,
  'use --crops=1': _EVALUATION,
  'config.model.normalization_group=0 and config.num_devices=1': _NETWORK,
  'or config.model.auxiliary_heads=false': _NETWORK,
  'cannot be written; name another': 'nothing is refused to root, as which tests run',
  'the runs are saved, the same command': 'tests/end_to_end/test_sweep.py',
  'run scripts/sweep.py first': _RESULTS,
  '/networks.json; train it first': _RESULTS,
  'collect them apart': _RESULTS,
  'choose a higher target': _RESULTS,
  '--output={}` makes it': _RESULTS,
  'give the runs with --root': _RESULTS,
  'set aside, as the run would': 'no remedy: what is set aside follows the colon',
  'leave it first': 'of a host program: tests/test_settings.py',
  'needs --images=DIR': _PREPARING,
  '--archives={} is no folder': _PREPARING,
  'needs --archives=DIR': _PREPARING,
  '--environment={}': _PREPARING,
  'choose another --name': _PREPARING,
  'delete it': _PREPARING,
  'move it away or choose another --data_dir': _PREPARING,
  '`folder --images=DIR --name=NAME`': _PREPARING,
  'no folder {}; --images is': _PREPARING,
  '--name={} cannot be used': _PREPARING,
  '--data_dir={}': _PREPARING,
  'make room or choose another --data_dir': _PREPARING,
  'rename it, as plain text': _PREPARING,
}

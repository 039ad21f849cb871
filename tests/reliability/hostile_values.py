"""Values that no field of a config may take, by kind and by field.

Bytes that are no text stand as Python's surrogate escapes, as in `sys.argv`.
"""

import os

from bn_repro.run import fields

NO_TEXT = os.fsdecode(b'\xff\xfe\x80')
LONG = 'a' * 100_000
EMOJI = '🦖' * 3
RIGHT_TO_LEFT = '\u202e' + 'steps 5'
COMBINING = 'n' + '\u0301' * 50
SHELL = '$(touch pwned); `touch pwned` | touch pwned #'
PYTHON = "__import__('os').system('touch pwned')"
ODD_TEXTS = (
  '', ' ', '\n', 'a\nb', '\tx', '\x1b[31mred', EMOJI, RIGHT_TO_LEFT, COMBINING, LONG,
  NO_TEXT, SHELL, PYTHON, '../../etc/passwd', '/etc', '/', '~', '.', '..', '%s%n', '{}',
  '{0.__class__}', '\\', '"', "'", '*', '**', '?', '[a-z]*', '--', '-', '@/etc/passwd',
  '=', '==', '\ufeffdigits', 'digits\u200b', 'ｄｉｇｉｔｓ',
)  # fmt: skip
NO_NUMBERS = (
  *ODD_TEXTS, 'nan', 'NaN', 'inf', '-inf', 'Infinity', 'None', 'null', 'true', '1,5',
  '1;2', '1 2', '--1', '+-1', '0x', '0b2', '1e', 'e5', '1__0', '_1', '1_', '½', '²',
  '१x', '1/2', '(1)', '[1]', '{1}', '1j', 'lambda: 1', '9' * 5_000, '1' + '0' * 400,
  '-' + '9' * 400, '1e999', '-1e999', '-1',
)  # fmt: skip
NO_WHOLE_NUMBERS = (
  *NO_NUMBERS, '1.5', '1.0', '1e3', '.5', '0x' + 'f' * 5_000, '0x' + 'f' * 100,
)  # fmt: skip
NO_SWITCHES = (
  *ODD_TEXTS, 'maybe', '2', '-1', '1.0', 'nan', 'None', 'TrueFalse', 'on!', '00', '0x1',
)  # fmt: skip
NO_TUPLES = (
  '(', ')', '(1,', '[1', '1,,2', ',', '((1,2),(3,))', '[[1]]', '{1,2}', '{64: 1}', '{}',
  "b'abc'", '()x', '1 2', '1;2', '(nan,)', '(inf,)', '(1e999,)', '(-1e999,)', '(True,)',
  '(None,)', '(1j,)', '...', '(...,)', f'({PYTHON},)', f'[{PYTHON}]', PYTHON, SHELL,
  'lambda: 0', '[x for x in (1,)]', '(1 if 1 else 2,)', "f'{1}'", "('\\x00',)", '-1',
  '(-1,)', '(0,)', "('',)", "('a',)", '0', 'nan', '5', '(2.5,)', "'5'",
  '(' * 10_000, '[' * 100_000, '-' * 50_000 + '1', '(' * 200 + '1' + ',)' * 200,
  '(' + '1,' * 40_000 + ')', '9' * 5_000, '(' + '9' * 5_000 + ',)',
  '(1' + '0' * 400 + ',)', '(0x' + 'f' * 5_000 + ',)', '((' * 50, NO_TEXT, EMOJI,
  RIGHT_TO_LEFT, LONG, '1' + '+1' * 20_000,
)  # fmt: skip
NO_DURATIONS = (
  *ODD_TEXTS, '5', 'steps', '0 steps', '-1 epochs', 'nan steps', 'inf epochs',
  '1e308 steps', '1e999999999 steps', '1e-999999999 steps', '1/0 steps', '0/5 epochs',
  '5 parsecs', '5 Steps', '5steps', '٣ steps', '²  steps', '1,5 steps', '1 2 steps',
  '5 steps; touch pwned', '9' * 5_000 + ' steps', '1/' + '9' * 5_000 + ' steps',
  '5 ' + 'step' * 10_000, '5 steps\n6 steps', '5 ' + NO_TEXT, 'None', 'all', '∞ steps',
)  # fmt: skip

_BAD = {
  fields.WHOLE: NO_WHOLE_NUMBERS,
  fields.NUMBER: NO_NUMBERS,
  fields.BOOL: NO_SWITCHES,
  fields.TEXT: ODD_TEXTS,
  fields.WHOLES: NO_TUPLES,
  fields.NUMBERS: NO_TUPLES,
  fields.TEXTS: NO_TUPLES,
}
# Beyond what is bad for the kind.
_OUT_OF_RANGE = {
  'seed': ('-1', '4294967296'),
  'batch_size': ('0', '-60', '1048577', '99999999999'),
  'learning_rate': ('0', '-0', '-0.1', '1e-320', '1e308', '0.0'),
  'momentum': ('1', '1.0', '-0.1', '1e308'),
  'population_batches': ('0', '-5', '99999999999'),
  'steps_per_call': ('0', '-5', '99999999999'),
  'evaluation_batch_size': ('0', '-5', '99999999999'),
  'num_devices': ('-1', '99999999999'),
  'partner_timeout': ('0', '1e308'),
  'tracked_unit': ('100', '-1', '99999999999'),
  'network': ('a/b', '../x', 'a b', 'a\\b', 'batch_norm\n', ''),
  'model.name': ('MLP', 'resnet', 'mlp ', 'mlp,inception'),
  'model.epsilon': ('0', '-1e-3', '1e-320', '1e308'),
  'model.decay': ('1', '1.5', '-0.1'),
  'model.init_std': ('0', '-1', '1e308', '1e-320'),
  'model.normalization_group': ('1', '-32'),
  'model.width': ('0', '-0.5', '65', '1e308'),
  'model.stem': ('large', 'FIGURE5'),
  'model.nonlinearity': ('tanh', 'relu '),
  'model.dtype': ('float16', 'float64', 'int8', 'object'),
  'model.pool_projection_4cd': ('0', '112', '-96'),
  'model.dropout': ('1', '1.5', '-0.1'),
  'model.weight_variance': ('0', '-2', '1e308'),
  'model.per_activation_rows': ("('6a',)", "('5b', 5)", '6a', "('5B',)"),
  'model.hidden_sizes': ('()', '(131073,)', '(100, 100.0)', '100;100', '(1,)' * 2),
  'targets': ('(1.5,)', '(95,)', '(0.9, -0.1)', "('0.9',)"),
  'dataset.name': ('mnits', 'mnist:3.0.1', 'mnist/3.0.1', 'MNIST', 'a/b', 'a/b/c'),
  'dataset.pixels': ('gray', 'colour'),
  'dataset.threshold': ('1', '-0.5', '255'),
  'dataset.size': ('0', '-8', '4097', '99999999999'),
  'dataset.num_classes': ('0', '-10', '99999999999'),
  'dataset.feed': ('grain', 'none'),
  'dataset.workers': ('-1', '1025', '99999999999'),
  'dataset.on_corrupt': ('ignore', 'Stop'),
  'learning_rate_decay': ('0', '1.5', '-0.96'),
  'l2': ('-1e-4', '1e308'),
  'polyak_decay': ('1', '-0.5'),
  'gradient_accumulation': ('0', '-1', '5', '99999999999'),
  'shard_size': ('0', '-1', '99999999999'),
  'shuffling': ('none', 'coarse,thorough'),
  'photometric_distortion': ('-0.1', '1.1'),
}
# What another field of its kind may not be, but this one may.
_ALLOWED = {
  'targets': ('()',),
  'model.hidden_sizes': ('5',),
  'l2': (), 'momentum': (),
}  # fmt: skip


def bad_values(field: str, kind: str) -> tuple[str, ...]:
  """As texts of the command line."""
  is_duration = field in ('train_for', 'learning_rate_decay_every') or (
    field.endswith('_every')
  )
  of_kind = NO_DURATIONS if is_duration else _BAD[kind]
  allowed = _ALLOWED.get(field, ())
  values = (*of_kind, *_OUT_OF_RANGE.get(field, ()))
  return tuple(dict.fromkeys(value for value in values if value not in allowed))

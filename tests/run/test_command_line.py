"""Words of a command line: each is a flag of this program with one value."""

import pytest

from bn_repro.run import command_line
from bn_repro.run.errors import UserError
from bn_repro.training.command import KNOWN

GOOD = ['--config=configs/mnist.py', '--workdir=x']


@pytest.mark.parametrize(
  'words',
  [
    [],
    ['--describe'],
    ['-h'],
    ['--workdir', 'x', '--describe'],
    ['--config.seed', '-1'],
    ['--config.model.batch_norm', '--workdir=x'],
    ['--workdir=a=b', '--config.train_for=1 step'],
    ['--config.seed=1', '--config.seed=2'],
  ],
)
def test_flags_of_this_program_pass(words):
  command_line.check(words, KNOWN)


@pytest.mark.parametrize(
  'word, text',
  [
    ('train', "'train' is not a flag; flags start with --"),
    ('--', "'--' is not a flag"),
    ('', "'' is not a flag"),
    ('--workdri=x', 'did you mean --workdir?'),
    ('--flagfile=x', "'--flagfile' is not a flag of this program"),
    ('--undefok=x', "'--undefok' is not a flag of this program"),
    ('--verbosity=1', "'--verbosity' is not a flag of this program"),
    ('--noconfig.model.batch_norm', 'write --config.model.batch_norm=false'),
    ('--workdir=y', '--workdir is given twice'),
    ('--coordinator', '--coordinator has no value'),
    ('---config.seed=1', "'---config.seed' is not a flag"),
  ],
)
def test_any_other_word_is_refused(word, text):
  with pytest.raises(UserError, match=text):
    command_line.check([*GOOD, word], KNOWN)


def test_a_flag_is_no_value_of_the_one_before_it():
  with pytest.raises(UserError, match='--workdir has no value'):
    command_line.check(['--workdir', '--config=configs/mnist.py'], KNOWN)


@pytest.mark.parametrize('address', ['here:1234', '10.0.0.1:1', '[::1]:65535'])
def test_an_address(address):
  command_line.check_address(address)


@pytest.mark.parametrize('address', ['', 'here', ':1', 'here:0', 'here:65536', '::1'])
def test_what_is_no_address(address):
  with pytest.raises(UserError, match='is not HOST:PORT'):
    command_line.check_address(address)


@pytest.mark.parametrize(
  'text, value',
  [
    ('(100, 100)', (100, 100)),
    ('100,100', (100, 100)),
    ('[0.5]', (0.5,)),
    ('5', (5,)),
    ('()', ()),
    ('5b', ('5b',)),
    ('5a,5b', ('5a', '5b')),
    ("('5a', '5b')", ('5a', '5b')),
  ],
)
def test_tuples_are_read_as_they_are_written(text, value):
  assert command_line.TupleParser().parse(text) == value


@pytest.mark.parametrize(
  'text',
  ['{1, 2}', '{64: 1}', "b'abc'", '(1,', "__import__('os')", '(' * 999, '1,' * 5_000],
)
def test_no_sets_no_dictionaries_no_bytes_no_expressions(text):
  with pytest.raises(ValueError, match='values in parentheses are wanted'):
    command_line.TupleParser().parse(text)

"""Words of a command line that are no flags, flags of others, and flags misused."""

from reliability.hostile_case import FOLDER, SHORT, WORKDIR, Case, files
from reliability.hostile_values import EMOJI, LONG, NO_TEXT, PYTHON, RIGHT_TO_LEFT

CONFIG = '--config=configs/mnist.py:batch_norm'
BASE = (CONFIG, *SHORT)
# absl defines the first ten, and absl.app the others.
FLAGS_OF_ABSL = (
  '--logtostderr', '--alsologtostderr', f'--log_dir={FOLDER}', '--v=1', '--verbosity=1',
  '--stderrthreshold=info', '--showprefixforinfo', '--noshowprefixforinfo',
  '--logger_levels=:DEBUG', '--undefok=nope', '--undefok=nope --nope=1',
  '--undefok=wrokdir --wrokdir=x', '--undefok=', '--undefok',
  '--helpfull', '--helpshort', '--helpxml', '--only_check_args', '--pdb',
  '--pdb_post_mortem', '--run_with_pdb', '--run_with_profiling',
  f'--profile_file={FOLDER}/profile', '--use_cprofile_for_profiling',
  '--test_random_seed=1', '--test_srcdir=x', '--test_tmpdir=x', '--xml_output_file=x',
  '--jax_platforms=tpu', '--xla_force_host_platform_device_count=4',
)  # fmt: skip
STRANGE_WORDS = (
  '-', '--', '---', '--=', '--=x', '-=x', '=', '==', '', ' ', 'train', 'mnist', 'help',
  'config=configs/mnist.py', 'workdir=x', '/?', '/help', '?', '@args', '@/etc/passwd',
  '--nope', '--nope=1', '-n', '-x=1', '--workdri=x', '--descibe', '--Describe',
  '--CONFIG', '--config.', '--config.=1', '--config..seed=1', '--config.seed.=1',
  '--config.seed.x=1',
  '--config.seeed=1', '--config.Seed=1', '--config.SEED=1', '--config. seed=1',
  '--config.model=1', '--config.model={}', "--config.model={'name': 'mlp'}",
  '--config.dataset=digits', '--config.modelname=mlp', '--config.model/name=mlp',
  '--config.model..name=mlp', "--config.model['name']=mlp", '--config.targets[0]=0.5',
  '--config.targets[-1]=0.5', '--config.__class__=1', '--config.model.__dict__=1',
  '--config.to_dict=1', '--config.lock=1', '--config._fields=1', '--config.seed[0]=1',
  f'--config.{PYTHON}=1', f'--config[{PYTHON}]=1', f'--config.seed[{PYTHON}]=1',
  '---config.seed=1', '----config.seed=1', '–-config.seed=1', '—config.seed=1',
  '−−config.seed=1', '--config.seed:1', '--config.sééd=1', '--config.s\u0435ed=1',
  '--noconfig', '--noconfig.seed', '--noconfig.seed=1', '--noconfig.model.batch_norm',
  '--noconfig.model.nope', '--noconfig.model.batch_norm=1', f'--noconfig.{PYTHON}',
  '--noworkdir', '--noworkdir=x', '--nodescribe=1', '--nohelp', '--describe=maybe',
  '--describe=2', '--describe=', '--describe --describe=x', '--help=maybe x',
  '--config.seed', '--config.learning_rate', '--config.train_for', '--config.targets',
  '--config.seed --config.momentum=0.5', '--workdir', '--config', '--coordinator',
  '--num_processes', '--process_id', f'--{LONG}', f'--{LONG}=1', f'--config.{LONG}=1',
  LONG, NO_TEXT, f'--{NO_TEXT}', f'--config.{NO_TEXT}=1', f'--{EMOJI}=1', EMOJI,
  RIGHT_TO_LEFT, f'--{RIGHT_TO_LEFT}', '--config.seed\n=1', '--\n', '\x1b[2J', '\n',
  '--config.seed=1 extra', 'extra --config.seed=1', '-- --config.seed=1',
  '--config=configs/mnist.py:baseline', '--config configs/mnist.py:baseline',
  '--config.seed=1 --config.seed=x', '--config.seed=x --config.seed=1',
  '--config.model.batch_norm true', '--config.model.batch_norm=true false',
  '--workdir=other --workdir=third',
)  # fmt: skip
BAD_PROCESSES = (
  ('here:1234',), (None, '2'), (None, None, '0'), ('here:1234', '2'), (None, '2', '0'),
  ('here:1234', '2', '2'), ('here:1234', '2', '-1'), ('here:1234', '0', '0'),
  ('here:1234', '-2', '0'), ('here:1234', 'x', '0'), ('here:1234', '2', 'x'),
  ('here:1234', '2', '1.0'), ('here:1234', '9' * 400, '0'), ('', '1', '0'),
  ('here:1234', '1', '0x1'), ('here', '1', '0'), (':', '1', '0'), (':1234', '1', '0'),
  ('here:', '1', '0'), ('here:0', '1', '0'), ('here:99999', '1', '0'),
  ('here:-1', '1', '0'), ('here:http', '1', '0'), ('here:1234:5', '1', '0'),
  ('http://here:1234', '1', '0'), ('he re:1234', '1', '0'), ('here:1234\n', '1', '0'),
  (f'{NO_TEXT}:1234', '1', '0'), (f'{EMOJI}:1234', '1', '0'), (LONG, '1', '0'),
  (f'{"a" * 300}:1234', '1', '0'), ('127.0.0.1:٣٣٣٣', '1', '0'), ('::1', '1', '0'),
)  # fmt: skip
FLAG_FILES = {
  'a good one': '--config.seed=1\n',
  'one that names itself': '--flagfile=flags\n',
  'another config': '--config=configs/mnist.py:nope\n',
  'an endless config': '--config=/dev/zero\n',
  'garbage': 'garbage\n',
  'not text': bytes(range(256)),
  'another workdir': '--workdir=elsewhere\n',
}


def words() -> list[Case]:
  """One or two words besides a command line that is right."""
  return [
    Case('words', repr(text)[:80], (*BASE, *_split(text), WORKDIR))
    for text in STRANGE_WORDS
    if text != '--workdir=other --workdir=third'
  ] + [_last(text) for text in STRANGE_WORDS if _needs_value(text)]


def _split(text: str) -> list[str]:
  return text.split(' ') if text.strip() else [text]


def _needs_value(text: str) -> bool:
  return text.startswith('--') and '=' not in text and text.isprintable()


def _last(text: str) -> Case:
  """The same as the last word, where nothing can follow."""
  return Case('words', f'{text[:60]!r} last', (*BASE, WORKDIR, *_split(text)))


def flags_of_others() -> list[Case]:
  """They would work, and silence, redirect or stop what they are not meant for."""
  return [
    Case('flags of absl', text.partition('=')[0], (*BASE, *text.split(' '), WORKDIR))
    for text in FLAGS_OF_ABSL
  ] + [
    Case(
      'flag files',
      f'{name}, as {words[0]!r}',
      (*BASE, *words, WORKDIR),
      files({'flags': content}),
    )
    for name, content in FLAG_FILES.items()
    for words in (['--flagfile=flags'], ['-flagfile', 'flags'])
  ] + [
    Case('flag files', path or 'none', (*BASE, f'--flagfile={path}', WORKDIR))
    for path in ('', '/dev/null', '/dev/zero', '/etc/passwd', 'nope', '.', '~', NO_TEXT)
  ] + [Case('flag files', 'no value', (*BASE, WORKDIR, '--flagfile'))]  # fmt: skip


def processes() -> list[Case]:
  """Flags of processes that do not fit together, or name no address."""
  names = ('coordinator', 'num_processes', 'process_id')
  return [
    Case(
      'processes',
      ' '.join(map(repr, values))[:80],
      (
        *BASE,
        WORKDIR,
        *(f'--{n}={v}' for n, v in zip(names, values) if v is not None),
      ),
    )
    for values in BAD_PROCESSES
  ]

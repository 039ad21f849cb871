"""What provokes each message of a run, and follows what it says in the same workdir.

A function is named by nothing; `SCENARIOS` has the words of its message.
"""

import errno
import os
import shutil
from pathlib import Path

import jax
import pytest
from remedies.runs import Runs, refused

from bn_repro.data import sources
from bn_repro.evaluate import network
from bn_repro.run import checkpoint, command_line, damage, devices, lock, places
from bn_repro.run.errors import UserError
from bn_repro.training import command


def another_train_for(runs: Runs) -> None:
  runs.reaches(4, runs.config())
  runs.refused(runs.config(train_for='3 steps'), 'ask for more steps than')
  runs.begins(runs.config(train_for='6 steps'))


def another_config(runs: Runs) -> None:
  runs.begins(runs.config())
  runs.refused(runs.config(seed=1), 'use another --workdir')
  runs.begins(runs.config(seed=1), runs.folder / 'other')
  runs.begins(runs.config())


def data_that_are_missing(runs: Runs) -> None:
  """The embedded digits, in the same workdir; nothing of it was left."""
  config = runs.config(dataset__name='mnist')
  said = runs.refused(config, 'train on the embedded digits with')
  assert said.endswith('--config.dataset.name=digits') and not runs.workdir.exists()
  runs.begins(runs.config(dataset__name='digits'))


def photographs_that_are_missing(runs: Runs) -> None:
  """They are prepared, or the network's argument is 'digits'."""
  said = runs.refused(runs.streamed(), 'prepare it with')
  assert said.endswith('--config=configs/bn_x30.py:digits')
  runs.begins(runs.config('bn_x30.py:digits'))
  runs.prepare()
  runs.begins(runs.streamed(), runs.folder / 'other')


def a_set_of_videos(runs: Runs) -> None:
  runs.prepare()
  path = runs.folder / 'data' / 'made' / '1.0.0' / 'features.json'
  image = path.read_text()
  path.write_text(image.replace('image_feature.Image', 'video_feature.Video'))
  runs.refused(runs.streamed(), 'choose a data set of images')
  path.write_text(image)
  runs.begins(runs.streamed())


def a_set_of_several_configurations(runs: Runs) -> None:
  runs.prepare()
  made = runs.folder / 'data' / 'made'
  made.rename(runs.folder / 'one')
  made.mkdir()
  (runs.folder / 'one').rename(made / 'one')
  runs.refused(runs.streamed(), 'as made/one; choose one of these names')
  runs.begins(runs.streamed(dataset__name='made/one'))


def images_of_several_sizes_in_section_4_1(runs: Runs) -> None:
  runs.prepare(height=30)
  runs.refused(runs.config(dataset__name='made'), 'choose one of section 4.2')
  runs.begins(runs.streamed())


def another_number_of_classes(runs: Runs) -> None:
  runs.prepare()
  wrong = runs.streamed(dataset__num_classes=3)
  assert runs.refused(wrong, 'has 100 classes; set it to 100')
  runs.begins(runs.streamed(dataset__num_classes=100))


def an_image_that_cannot_be_read(runs: Runs) -> None:
  """Whether all are decoded before the run begins, or as it goes, after a step."""
  runs.prepare(bad=(3,))
  kept = {'dataset__feed': 'resident'}
  words = 'leave such images out with --config.dataset.on_corrupt=skip'
  runs.refused(runs.streamed(**kept), words)
  runs.begins(runs.streamed(**kept, dataset__on_corrupt='skip'))
  runs.workdir = runs.folder / 'streamed'
  runs.begins(runs.streamed())
  runs.begins(runs.streamed(dataset__on_corrupt='skip'), step=2)
  assert runs.stored('dataset.on_corrupt') == 'skip'
  runs.refused(runs.streamed(), 'dataset.on_corrupt')  # it does not go back


def images_of_several_sizes(runs: Runs) -> None:
  runs.prepare(height=30)
  runs.refused(runs.streamed(dataset__feed='resident'), 'dataset.feed=stream')
  runs.begins(runs.streamed())


def digits_that_are_streamed(runs: Runs) -> None:
  wrong = runs.config('bn_x5.py:digits', dataset__feed='stream')
  runs.refused(wrong, 'choose auto or resident')
  for feed in ('auto', 'resident'):
    runs.workdir = runs.folder / feed
    runs.begins(runs.config('bn_x5.py:digits', dataset__feed=feed))


def images_smaller_than_the_crop(runs: Runs) -> None:
  wrong = runs.config('bn_x5.py:digits', dataset__size=16)
  runs.refused(wrong, 'config.dataset.size=16; choose 8 or less')
  runs.begins(runs.config('bn_x5.py:digits', dataset__size=8))


def heads_on_maps_that_are_too_small(runs: Runs) -> None:
  """Said when the network is built; nothing stands in the way of what is advised."""
  wrong = runs.config('bn_x5.py:digits', model__auxiliary_heads=True)
  start = lambda: command.start(wrong, runs.workdir, [])  # which builds it
  refused(start, 'or config.model.auxiliary_heads=false')
  assert not (runs.workdir / 'config.json').exists()
  runs.begins(runs.config('bn_x5.py:digits', model__auxiliary_heads=False))


def no_image_can_be_read(runs: Runs) -> None:
  runs.prepare(number=4, bad=range(4))
  kept = {'dataset__feed': 'resident', 'dataset__on_corrupt': 'skip'}
  runs.refused(runs.streamed(**kept), 'prepare it again')
  shutil.rmtree(runs.folder / 'data' / 'made')
  runs.prepare()
  runs.begins(runs.streamed())


def a_damaged_data_set(runs: Runs) -> None:
  runs.prepare()
  made = runs.folder / 'data' / 'made' / '1.0.0'
  (made / 'dataset_info.json').write_text('{')
  said = runs.refused(runs.streamed(), 'move that directory away')
  made.rename(runs.folder / 'away')
  assert str(made) in said
  made.parent.rmdir()
  runs.prepare()
  runs.begins(runs.streamed())


def a_label_outside(runs: Runs) -> None:
  runs.prepare()
  split = sources.Split('made', 'train', 100)
  split.num_classes = 1
  refused(lambda: [split[i] for i in range(3)], 'prepare the data set again')
  shutil.rmtree(runs.folder / 'data' / 'made')
  runs.prepare()
  assert [sources.Split('made', 'train', 100)[i].label for i in range(3)]


def a_set_of_another_format(runs: Runs) -> None:
  runs.prepare()
  path = runs.folder / 'data' / 'made' / '1.0.0' / 'dataset_info.json'
  text = path.read_text()
  path.write_text(text.replace('array_record', 'tfrecord'))
  runs.refused(runs.streamed(), 'prepare it as array_record with')
  shutil.rmtree(runs.folder / 'data' / 'made')
  runs.prepare()
  runs.begins(runs.streamed())


def a_set_that_was_prepared_anew(runs: Runs) -> None:
  runs.prepare()
  runs.begins(runs.streamed())
  old = (runs.folder / 'data' / 'made').rename(runs.folder / 'old')
  runs.prepare(number=24)
  runs.refused(runs.streamed(), 'put the old set back, or train in another')
  runs.begins(runs.streamed(), runs.folder / 'other')
  shutil.rmtree(runs.folder / 'data' / 'made')
  old.rename(runs.folder / 'data' / 'made')
  runs.begins(runs.streamed())


def too_many_devices(runs: Runs) -> None:
  number = len(jax.devices())
  runs.refused(runs.config(num_devices=number + 1), 'use that many or 0 for all')
  runs.begins(runs.config(num_devices=number, batch_size=8 * number))


def devices_that_share_nothing(runs: Runs) -> None:
  """A run that has begun goes on with other devices, another may have another batch."""
  if len(jax.devices()) < 2:
    pytest.skip('needs two devices')
  runs.begins(runs.config(batch_size=5))
  wrong = runs.config(batch_size=5, num_devices=2)
  runs.refused(wrong, 'set config.num_devices to a divisor, or, in another --workdir')
  runs.begins(runs.config(batch_size=5, num_devices=1))
  runs.begins(runs.config(batch_size=6, num_devices=2), runs.folder / 'other')


def groups_that_do_not_divide(runs: Runs) -> None:
  wrong = {'batch_size': 8, 'model__normalization_group': 3}
  runs.refused(runs.config(**wrong), 'a divisor of both, or 0 for the whole')
  runs.begins(runs.config(batch_size=8, model__normalization_group=4))
  runs.begins(
    runs.config(batch_size=8, model__normalization_group=0), runs.folder / 'other'
  )


def parts_that_do_not_divide(runs: Runs) -> None:
  network, two = 'bn_x5.py:digits', {'batch_size': 6, 'num_devices': 2}
  if len(jax.devices()) < 2:
    pytest.skip('needs two devices')
  begun = {**two, 'gradient_accumulation': 2, 'model__normalization_group': 0}
  runs.refused(runs.config(network, **begun), 'choose another config.num_devices')
  runs.begins(runs.config(network, **{**begun, 'num_devices': 1}))
  other = runs.folder / 'other'
  runs.begins(runs.config(network, **{**begun, 'gradient_accumulation': 3}), other)


def parts_of_the_batch(runs: Runs) -> None:
  fields = {'batch_size': 8, 'model__normalization_group': 0}
  wrong = lambda: runs.config('bn_x5.py:digits', gradient_accumulation=3, **fields)
  refused(wrong, 'equal parts; choose a divisor')
  runs.begins(runs.config('bn_x5.py:digits', gradient_accumulation=2, **fields))


def measurements_that_were_changed(runs: Runs) -> None:
  runs.reaches(2, runs.config())
  path = runs.workdir / 'metrics.jsonl'
  kept = runs.folder / 'kept'
  path.write_text('{"step": 0}\n')
  position = {'bytes': 12, 'sha256': damage_free(path)}
  from bn_repro.run import records

  path.rename(kept)
  words = 'put it back, or use another --workdir'
  refused(lambda: records._read_until(path, position), words)
  kept.rename(path)
  assert records._read_until(path, position)


def damage_free(path: Path) -> str:
  """The SHA-256 of a file."""
  import hashlib

  return hashlib.sha256(path.read_bytes()).hexdigest()


def groups_of_another_normalizer(runs: Runs) -> None:
  network, groups = 'analysis/whitening.py', {'model__normalization_group': 30}
  words = 'set it to 0, and config.num_devices=1'
  runs.refused(runs.config(network, num_devices=2, **groups), words)
  runs.begins(runs.config(network, num_devices=1, model__normalization_group=0))


def all_checkpoints_damaged(runs: Runs) -> None:
  runs.reaches(2, runs.config())
  seal = runs.workdir / 'checkpoints' / '2' / 'seal' / 'metadata'
  good = seal.read_bytes()
  seal.write_bytes(b'{}')
  words = 'put a good one back, or use another --workdir'
  runs.refused(runs.config(), words)
  runs.begins(runs.config(), runs.folder / 'other')
  seal.write_bytes(good)
  runs.begins(runs.config())


def all_checkpoints_lost(runs: Runs) -> None:
  runs.reaches(2, runs.config())
  runs.begins(runs.config())
  folder = runs.workdir / 'checkpoints'
  folder.rename(runs.folder / 'disk')
  folder.mkdir()
  runs.refused(runs.config(), 'mounting their disk, or use another --workdir')
  runs.begins(runs.config(), runs.folder / 'other')
  folder.rmdir()
  (runs.folder / 'disk').rename(folder)
  runs.begins(runs.config())


def the_newest_checkpoint_damaged(runs: Runs) -> None:
  for step in (2, 2):
    runs.reaches(step, runs.config())
  newest = runs.workdir / 'checkpoints' / '4'
  (newest / 'seal' / 'metadata').write_bytes(b'{}')
  read = lambda: network.restore(runs.workdir)
  assert str(newest) in refused(read, 'elsewhere to take the one before')
  newest.rename(runs.folder / '4')
  assert read().step == 2


def no_checkpoint(runs: Runs) -> None:
  runs.begins(runs.config())
  read = lambda: network.restore(runs.workdir)
  refused(read, 'holds no finished checkpoint; train in it first')
  runs.reaches(2, runs.config())
  assert read().step == 2


def a_damaged_config(runs: Runs) -> None:
  runs.begins(runs.config())
  (runs.workdir / 'config.json').write_text('{')
  runs.refused(runs.config(), 'use another --workdir')
  refused(lambda: network.restore(runs.workdir), 'use another --workdir')
  runs.begins(runs.config(), runs.folder / 'other')


def a_damaged_summary(runs: Runs) -> None:
  runs.reaches(2, runs.config())
  (runs.workdir / 'summary.json').write_text('{}')
  runs.refused(runs.config(), 'remove it, and the command of the run writes it')
  (runs.workdir / 'summary.json').unlink()
  runs.begins(runs.config())


def a_damaged_record(runs: Runs) -> None:
  runs.reaches(2, runs.config())
  (runs.workdir / 'identity.json').write_text('{}')
  runs.refused(runs.config(), 'remove it, and what the run was begun with')
  (runs.workdir / 'identity.json').unlink()
  runs.begins(runs.config())
  assert network.restore(runs.workdir).step == 2


def a_finished_run(runs: Runs) -> None:
  from bn_repro.run import config, summary

  runs.reaches(4, runs.config())
  summary.write(runs.workdir, {'config': config.flatten(runs.config())})
  longer = runs.config(train_for='8 steps')
  runs.refused(longer, 'ask for that, or use another --workdir')
  command.start(runs.config(), runs.workdir, [])
  runs.begins(longer, runs.folder / 'other')


def a_workdir_in_use(runs: Runs) -> None:
  with lock.held(runs.workdir):
    runs.refused(runs.config(), 'wait for it, or use another --workdir')
    runs.begins(runs.config(), runs.folder / 'other')
  runs.begins(runs.config())


def a_workdir_that_is_a_file(runs: Runs) -> None:
  runs.workdir.write_text('')
  words = 'give a directory that can be written with --workdir'
  runs.refused(runs.config(), words)
  refused(lambda: lock.held(runs.workdir).__enter__(), words)
  runs.begins(runs.config(), runs.folder / 'other')


def a_file_that_cannot_be_read(runs: Runs) -> None:
  runs.reaches(2, runs.config())
  original = checkpoint._restored
  with runs.monkeypatch.context() as patched:
    failing = OSError(errno.EIO, os.strerror(errno.EIO))
    patched.setattr(checkpoint, '_restored', lambda _: (_ for _ in ()).throw(failing))
    runs.refused(runs.config(), 'the same command continues once that is repaired')
  assert checkpoint._restored is original and damage.system_error(failing)
  runs.begins(runs.config())


def a_number_of_devices(runs: Runs) -> None:
  with runs.monkeypatch.context() as patched:
    patched.setenv('JAX_NUM_CPU_DEVICES', '0')
    runs.refused(runs.config(), 'is not from 1 to 9999; set it so, or unset it')
    patched.setenv('JAX_NUM_CPU_DEVICES', '1')
    assert devices.start()
  runs.begins(runs.config())


def an_address(runs: Runs) -> None:
  wrong = lambda: command_line.check_address('here')
  refused(wrong, 'give the address of the first process')
  command_line.check_address('10.0.0.1:1234')


def words_of_a_command_line(runs: Runs) -> None:
  known = command_line.Flags(('workdir', 'config'), ('help',))
  for words, said, right in (
    (['--workdir'], 'write --workdir=VALUE', ['--workdir=x']),
    (['--workdir=x', '--workdir=y'], 'give it once', ['--workdir=x']),
    (['workdir'], 'flags start with --', ['--workdir=x']),
    (['--noconfig.x'], 'write --config.x=false', ['--config.x=false']),
  ):
    refused(lambda words=words: command_line.check(words, known), said)
    command_line.check(right, known)


def no_workdir(runs: Runs) -> None:
  config = f'--config={command.config_files.PROJECT}/configs/mnist.py'
  with runs.monkeypatch.context() as patched:
    patched.setattr(command, 'start', lambda *_: None)
    flags = command.FLAGS
    flags.unparse_flags()
    try:
      refused(lambda: command.run(['bn_repro', config]), '--workdir is missing; give')
      command.run(['bn_repro', config, f'--workdir={runs.workdir}'])
    finally:
      flags.mark_as_parsed()


def paths(runs: Runs) -> None:
  """What is wrong with a path, and one that is as the message wants it."""
  whole = str(runs.folder / 'file')
  for text, said in (
    ('', 'is empty; give a path'),
    (f' {whole}', 'write it without'),
    ('a\0b', 'give a path of valid characters'),
    ('$HOME/x', 'write the path that it stands for'),
    ('file://host/x', 'write file:///PATH or the path alone'),
    ('~nobody_of_that_name/x', 'write the whole path'),
  ):
    refused(lambda text=text: places.path(text, '--output'), said)
  for text, said in (
    (str(runs.folder), 'is a directory; name a file in it'),
    (f'{runs.folder}/none/file', f'there is no directory {runs.folder}/none; make it'),
    (os.devnull, 'is no regular file; name one'),
  ):
    refused(lambda text=text: places.output(text, '--output'), said)
  refused(lambda: places.path('gs://x/y', '--output'), 'or give a local one')
  none = str(runs.folder / 'none')
  refused(lambda: places.existing_folder(none, '--images'), 'give a directory that is')
  refused(lambda: places.existing_file(none, '--file'), 'give one that is')
  (runs.folder / 'none').mkdir()
  assert places.existing_folder(none, '--images')
  assert places.output(f'{runs.folder}/none/file', '--output')
  for text in (whole, f'file://{whole}'):
    assert places.output(text, '--output') == Path(whole)


SCENARIOS = {
  'ask for more steps than it has taken': another_train_for,
  'which differs in {}; use another --workdir': another_config,
  'set TFDS_DATA_DIR, prepare it with': data_that_are_missing,
  'or train on the embedded digits with': photographs_that_are_missing,
  'choose a data set ': a_set_of_videos,
  'choose one of these names': a_set_of_several_configurations,
  'choose one of section 4.2': images_of_several_sizes_in_section_4_1,
  'classes; set it to {}': another_number_of_classes,
  'on_corrupt=skip': an_image_that_cannot_be_read,
  'dataset.feed=stream': images_of_several_sizes,
  'choose auto or resident': digits_that_are_streamed,
  'choose {} or less': images_smaller_than_the_crop,
  'or config.model.auxiliary_heads=false': heads_on_maps_that_are_too_small,
  'can be read; prepare it again': no_image_can_be_read,
  'move that directory away': a_damaged_data_set,
  'prepare the data set again': a_label_outside,
  'prepare it as array_record with': a_set_of_another_format,
  'put the old set back, or train in another --workdir': a_set_that_was_prepared_anew,
  'use that many or 0 for all': too_many_devices,
  'set config.num_devices to a divisor': devices_that_share_nothing,
  'a divisor of both, or 0 for the whole': groups_that_do_not_divide,
  'of each of {} device(s); choose': parts_that_do_not_divide,
  'equal parts; choose a divisor': parts_of_the_batch,
  'put it back, or use another --workdir': measurements_that_were_changed,
  'set it to 0, and config.num_devices=1': groups_of_another_normalizer,
  'put a good one back': all_checkpoints_damaged,
  'put them back, such as by mounting': all_checkpoints_lost,
  'elsewhere to take the one before': the_newest_checkpoint_damaged,
  'holds no finished checkpoint': no_checkpoint,
  'is damaged ({}); use another --workdir': a_damaged_config,
  'the command of the run writes it again': a_damaged_summary,
  'what the run was begun with': a_damaged_record,
  'ask for that, or use another --workdir': a_finished_run,
  'wait for it, or use another --workdir': a_workdir_in_use,
  'give a directory that can be written': a_workdir_that_is_a_file,
  'nothing is changed, and the same command': a_file_that_cannot_be_read,
  'is not from 1 to 9999; set it so': a_number_of_devices,
  'give the address of the first process': an_address,
  'has no value; write': words_of_a_command_line,
  'is not a flag; write --{}=false': words_of_a_command_line,
  'is given twice; give it once': words_of_a_command_line,
  'flags start with --': words_of_a_command_line,
  '--workdir is missing': no_workdir,
  'is empty; give a path': paths,
  'with white space; write it without': paths,
  'give a path of valid characters': paths,
  'write the path that it stands for': paths,
  'write file:///PATH': paths,
  'write the whole path': paths,
  'is a directory; name a file in it': paths,
  'or give a local one': paths,
  'is not there; give a directory that is': paths,
  'is no file that is there; give one that is': paths,
  'there is no directory {}; make it': paths,
  'is no regular file; name one': paths,
}
__all__ = ['SCENARIOS', 'UserError']

"""Data sets are prepared as training reads them, or refused in one line.

The slow tests build with TFDS's own builders, in the environment with TensorFlow
that prepare_data.py makes if it is missing: $BN_REPRO_PREPARE_ENVIRONMENT, or
.venv-prepare.
"""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from scripts.prepare_data_support import (
  TRAIN,
  VALIDATION,
  download,
  ilsvrc,
  picture,
  picture_folder,
  tar,
  write,
)

import forked
from bn_repro.data import sources
from bn_repro.run.errors import UserError
from support import PROJECT, clean_environment, script

SCRIPT = PROJECT / 'scripts' / 'prepare_data.py'
# With TensorFlow, as prepare_data.py finds it.
ENVIRONMENT = Path(
  os.environ.get('BN_REPRO_PREPARE_ENVIRONMENT', PROJECT / '.venv-prepare')
)


def call(data_dir, *arguments, before=()):
  """Runs prepare_data.py to its end; `before` are the words of another command."""
  words = [SCRIPT, *map(str, arguments), f'--data_dir={data_dir}']
  if not before:
    return forked.run(words, timeout=900)
  return subprocess.run(
    [*before, sys.executable, *words],
    env=clean_environment(), capture_output=True, text=True, timeout=900,
  )  # fmt: skip


def assert_refused(result, *words):
  """Exit code 2 and one line that says these words; no traceback."""
  assert result.returncode == 2, result.stderr
  lines = result.stderr.splitlines()
  assert len(lines) == 1 and lines[0].startswith('error: '), result.stderr
  for word in words:
    assert str(word) in lines[0]


class TestMistakes:
  """All of them are found before TensorFlow is installed."""

  @pytest.fixture(autouse=True)
  def places(self, tmp_path):
    self.images, self.data = tmp_path / 'images', tmp_path / 'data'
    (tmp_path / 'file').touch()
    self.environment = tmp_path / 'file' / 'environment'  # cannot be made

  def refuse(self, arguments, *words):
    environment = f'--environment={self.environment}'
    assert_refused(call(self.data, *arguments, environment), *words)

  def refuse_folder(self, *words, name='pictures'):
    self.refuse(['folder', f'--images={self.images}', f'--name={name}'], *words)

  @pytest.mark.parametrize(
    'mistake, words',
    [
      (shutil.rmtree, ['no folder', '--images']),
      (lambda images: shutil.rmtree(images / 'validation'), ['one of', 'it has train']),
      (lambda images: (images / 'val').mkdir(), ['it has train, val, validation']),
      (
        lambda images: [shutil.rmtree(path) for path in images.glob('train/*')],
        ['no class folders', 'train'],
      ),
      (
        lambda images: (images / 'train' / 'dog').rename(images / 'train' / 'wolf'),
        ['differ', 'first wolf', 'second dog'],
      ),
      (
        lambda images: [path.unlink() for path in images.glob('train/dog/*')],
        ['no images in', 'train/dog'],
      ),
      (
        lambda images: [
          path.rename(path.parent / ' cat') for path in images.glob('*/cat')
        ],
        ["' cat'", 'rename'],
      ),
    ],
    ids=[
      'no folder',
      'no held-out half',
      'two held-out halves',
      'no classes',
      'other classes',
      'empty class',
      'name of a class',
    ],
  )
  def test_folder(self, mistake, words):
    picture_folder(self.images)
    mistake(self.images)
    self.refuse_folder(*words)

  @pytest.mark.parametrize(
    'put',
    [
      lambda path: path.write_bytes(picture(8, 8, encoding='TIFF')),
      lambda path: path.touch(),
      lambda path: path.mkdir(),
      lambda path: path.symlink_to('nowhere'),
    ],
    ids=['TIFF', 'empty', 'folder', 'broken link'],
  )
  def test_what_training_does_not_read_is_named(self, put):
    picture_folder(self.images)
    put(self.images / 'train' / 'cat' / 'odd.jpg')
    self.refuse_folder('only JPEG', self.images / 'train' / 'cat' / 'odd.jpg')

  @pytest.mark.parametrize('name', ['My-Images', '9lives', 'ä', 'a/b', 'digits'])
  def test_name(self, name):
    picture_folder(self.images)
    self.refuse_folder(f'--name={name}', 'my_images', name=name)

  @pytest.mark.parametrize('version', ['1.0.0', '2.0.0'])
  def test_a_prepared_data_set_is_not_overwritten(self, version):
    picture_folder(self.images)
    information = self.data / 'pictures' / version / 'dataset_info.json'
    write(information.parent, {information.name: b'{}'})
    self.refuse_folder(information.parent, 'another --name')
    assert information.read_bytes() == b'{}'

  def test_no_room(self):
    picture_folder(self.images)
    free = shutil.disk_usage(self.images).free
    os.truncate(self.images / 'train' / 'cat' / '0.jpg', free + 10**10)  # sparse
    self.refuse_folder('GB free', '--data_dir')

  def test_an_environment_that_cannot_be_made(self):
    self.refuse(['mnist'], f'--environment={self.environment}')

  def test_a_folder_that_cannot_be_listed(self, monkeypatch, capsys):
    """No traceback: code and line are those of every failure of the system."""
    picture_folder(self.images)
    program, listed = script('prepare_data'), Path.iterdir

    def iterdir(path):
      if path.name == 'cat':
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
      return listed(path)

    monkeypatch.setattr(Path, 'iterdir', iterdir)
    words = ['folder', f'--images={self.images}', '--name=pictures']
    monkeypatch.setattr(sys, 'argv', ['prepare_data.py', *words])
    with pytest.raises(SystemExit) as ended:
      program.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 71 and 'Permission denied: ' in line

  def test_a_python_that_cannot_install(self, monkeypatch, capsys):
    """As Debian's without python3-venv; the reason is there, above the last line."""
    program = script('prepare_data')

    def create(directory, with_pip):
      error = subprocess.CalledProcessError(1, ['python', '-m', 'ensurepip'])
      error.output = b'No module named ensurepip'
      raise error

    monkeypatch.setattr(program.venv, 'create', create)
    paths = [f'--data_dir={self.data}', f'--environment={self.data / "environment"}']
    monkeypatch.setattr(sys, 'argv', ['prepare_data.py', 'mnist', *paths])
    with pytest.raises(SystemExit) as ended:
      program.main()
    reason, *_, last = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1 and reason == 'No module named ensurepip'
    assert 'for the reason above' in last

  def test_a_data_dir_that_cannot_be_written(self):
    self.data.touch()
    self.refuse(['mnist'], f"--data_dir='{self.data}'")

  @pytest.mark.parametrize(
    'arguments, words',
    [
      ([], ['dataset', '--help']),
      (['mnist', '--image=x'], ['--image=x', '--help']),
      (['mnist', '--images=x'], ['`folder`', 'mnist']),
      (['folder', '--images=x'], ['--name=NAME']),
      (['folder', '--name=x'], ['--images=DIR']),
      (['mnist', '--name='], ['`folder`', 'mnist']),
      (['mnist', '--on_corrupt=skip'], ['`folder`', 'mnist']),
      (['mnist', '--orientation=keep'], ['`folder`', 'mnist']),
      (['folder', '--on_corrupt=x'], ['--on_corrupt', 'stop', 'skip']),
      (['mnist', '--archives=/nowhere'], ['/nowhere']),
      (['no name'], ["'no name'", 'mnist']),
      (['imagenet2012'], ['--archives=DIR', TRAIN, VALIDATION, 'image-net.org']),
      (['imagenet2012:5.1.0'], ['--archives=DIR']),
    ],
  )
  def test_arguments(self, arguments, words):
    self.refuse(arguments, *words)

  @pytest.mark.parametrize('missing', [TRAIN, VALIDATION])
  def test_missing_archive(self, tmp_path, missing):
    ilsvrc(tmp_path)
    (tmp_path / missing).unlink()
    self.refuse(
      ['imagenet2012', f'--archives={tmp_path}'],
      missing, f'not in {tmp_path}', 'image-net.org',
    )  # fmt: skip

  @pytest.mark.parametrize(
    'archive, content, word',
    [
      (TRAIN, b'<html>not found</html>' * 100, 'no whole tar file'),
      (TRAIN, tar({'n01440764.tar': bytes(5000)})[:3000], 'no whole tar file'),
      (TRAIN, tar({'n01440764.tar': b''}, mode='w:gz'), 'no whole tar file'),
      (VALIDATION, tar({}), 'empty'),
      (TRAIN, tar({'train/n01440764.tar': b''}), 'train/n01440764.tar'),
      (VALIDATION, tar({f'ILSVRC2012_val_{i:08d}.JPEG': b'' for i in (1, 3)}), '00003'),
    ],
    ids=['no tar', 'cut short', 'compressed', 'empty', 'another layout', 'a gap'],
  )
  def test_an_archive_that_is_not_the_original(self, tmp_path, archive, content, word):
    ilsvrc(tmp_path)
    (tmp_path / archive).write_bytes(content)
    self.refuse(['imagenet2012', f'--archives={tmp_path}'], word, 'image-net.org')


@pytest.mark.parametrize(
  'error',
  [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), 'shard'),
    RuntimeError('write() failed: No space left on device; writing /shard; at byte 0'),
  ],
)
def test_a_full_disk_is_one_line_of_the_builder(error, monkeypatch, capsys, tmp_path):
  """Errors of Python and of array_record; what called the builder says no more."""
  builders, program = script('prepare_data_builders'), script('prepare_data')

  def prepare(*words):
    raise error

  monkeypatch.setattr(builders, 'prepare', prepare)
  with pytest.raises(SystemExit) as ended:
    builders.main()
  (line,) = capsys.readouterr().err.splitlines()
  assert ended.value.code == 71 and 'stored: No space left on device; the same' in line
  monkeypatch.setattr(program, 'make_environment', lambda directory: 'python')
  monkeypatch.setattr(program, 'run', lambda command: 71)
  words = [f'--{name}={tmp_path}' for name in ('data_dir', 'environment')]
  monkeypatch.setattr(sys, 'argv', ['prepare_data.py', 'mnist', *words])
  with pytest.raises(SystemExit) as ended:
    program.main()
  assert ended.value.code == 71 and not capsys.readouterr().err


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
  """A prepared folder: where data sets are, the folder, its bytes.

  Makes the environment with TensorFlow; skips if there is no package index. What is
  called after this runs in forks of a process that has imported TFDS.
  """
  directory = tmp_path_factory.mktemp('pictures')
  images, data_dir = directory / 'images', directory / 'data'
  content = picture_folder(images)
  result = call(data_dir, 'folder', f'--images={images}', '--name=pictures')
  if result.returncode == 1 and 'pip install' in result.stderr:
    skip_without_package_index(directory)
  assert result.returncode == 0, result.stderr
  forks = directory / 'environment'
  python = ENVIRONMENT / 'bin' / 'python'
  imported = ['tensorflow_datasets.core.download.download_manager']
  variables = {'TF_CPP_MIN_LOG_LEVEL': '2'}  # as prepare_data.py sets it
  with (
    forked.environment_of_forks(forks, python, imported, **variables),
    pytest.MonkeyPatch.context() as patch,
  ):
    shutil.copy(ENVIRONMENT / 'installed', forks)
    patch.setenv('BN_REPRO_PREPARE_ENVIRONMENT', str(forks))
    yield data_dir, images, content


def skip_without_package_index(directory):
  probe = subprocess.run(
    [ENVIRONMENT / 'bin' / 'python', '-m', 'pip', 'download', '--no-deps',
     '--retries=0', f'--dest={directory}', 'importlib_resources'],
    capture_output=True, text=True,
  )  # fmt: skip
  if probe.returncode:
    pytest.skip(f'no package index: {probe.stderr.strip().splitlines()[-1]}')


def stored(data_dir, name, monkeypatch):
  """Label and bytes by split and file name, read as training does."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(data_dir))
  builder = tfds.builder_from_directory(sources.find_prepared(name))
  names = builder.info.features['label'].names
  whole = {'image': tfds.decode.SkipDecoding()}
  found = {
    split: {
      record.get('file_name', b'').decode(): (names[record['label']], record['image'])
      for record in builder.as_data_source(split, decoders=whole)
    }
    for split in builder.info.splits
  }
  assert 'tensorflow' not in sys.modules
  return found


@pytest.mark.slow
class TestBuilds:
  """With the builders of TFDS."""

  def test_a_folder_is_stored_as_it_is(self, pictures, monkeypatch):
    data_dir, _, content = pictures
    found = stored(data_dir, 'pictures', monkeypatch)
    assert found == {
      split: {name: (name.partition('/')[0], data) for name, data in files.items()}
      for split, files in content.items()
    }
    builder = tfds.builder_from_directory(sources.find_prepared('pictures'))
    assert builder.info.features['label'].names == ['cat', 'dog']
    shapes = {record['image'].shape for record in builder.as_data_source('train')}
    assert shapes == {(9, 30, 3), (40, 7, 3)}

  def test_a_folder_is_in_the_same_order_again(self, pictures, tmp_path, monkeypatch):
    """Order, labels and images; the files differ, since maps have no order in them."""
    data_dir, images, _ = pictures
    arguments = ['folder', f'--images={images}', '--name=pictures']
    assert_refused(call(data_dir, *arguments), 'there already')
    assert call(tmp_path, *arguments).returncode == 0
    first, again = (
      {split: [*records.items()] for split, records in found.items()}
      for found in (
        stored(place, 'pictures', monkeypatch) for place in (data_dir, tmp_path)
      )
    )
    assert first == again

  @pytest.mark.parametrize('held_out', ['val', 'test'])
  def test_the_held_out_half_is_stored_as_validation(
    self, pictures, tmp_path, held_out, monkeypatch
  ):
    content = picture_folder(tmp_path / 'images', held_out)
    result = call(tmp_path, 'folder', f'--images={tmp_path / "images"}', '--name=other')
    assert result.returncode == 0, result.stderr
    found = stored(tmp_path, 'other', monkeypatch)['validation']
    assert {name: data for name, (_, data) in found.items()} == content['validation']

  def test_a_cut_picture_is_named_before_anything_is_stored(self, pictures, tmp_path):
    """Or left out; the summary counts it."""
    content = picture_folder(tmp_path / 'images')
    cut = content['train']['dog/0.jpg'][:-50]
    write(tmp_path / 'images', {'train/dog/0.jpg': cut})
    arguments = ['folder', f'--images={tmp_path / "images"}', '--name=cut']
    assert_refused(call(tmp_path, *arguments), 'train/dog/0.jpg', '--on_corrupt=skip')
    assert not (tmp_path / 'cut').exists()
    result = call(tmp_path, *arguments, '--on_corrupt=skip')
    assert result.returncode == 0, result.stderr
    assert '1 cannot, and are left out: train/dog/0.jpg' in result.stdout
    assert 'cut: 3 examples in train' in result.stdout

  def test_three_parts_and_pictures_of_all_kinds(self, pictures, tmp_path, monkeypatch):
    """Stored as they are, but for the one that is sideways; classes by label."""
    content = picture_folder(tmp_path / 'images')
    test = {f'{label}/0.png': picture(5, 6, encoding='PNG') for label in ('cat', 'dog')}
    write(tmp_path / 'images' / 'test', test)
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = io.BytesIO()
    Image.new('RGB', (30, 20)).save(sideways, 'JPEG', exif=exif)
    write(tmp_path / 'images', {'train/cat/1.jpg': sideways.getvalue()})
    arguments = ['folder', f'--images={tmp_path / "images"}', '--name=kinds']
    result = call(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    for words in ('0 cat, 1 dog', '1 sideways', '3 grey', '2 PNG'):
      assert words in result.stdout
    found = stored(tmp_path, 'kinds', monkeypatch)
    assert {name: data for name, (_, data) in found['test'].items()} == test
    assert found['validation'].keys() == content['validation'].keys()
    upright = Image.open(io.BytesIO(found['train'].pop('cat/1.jpg')[1]))
    assert upright.size == (20, 30)
    del content['train']['cat/1.jpg']
    assert {name: data for name, (_, data) in found['train'].items()} == content[
      'train'
    ]
    split = sources.Split('kinds', 'test', 2)
    assert split[0].name.startswith('validation example 0')

  def test_a_full_disk_leaves_nothing(self, pictures, tmp_path, monkeypatch):
    """A file may not grow beyond 64 KiB here; then it may, and all is well."""
    picture_folder(tmp_path / 'images')
    write(tmp_path / 'images', {'train/cat/large.jpg': picture(500, 500)})
    arguments = ['folder', f'--images={tmp_path / "images"}', '--name=large']
    apart = f'--environment={ENVIRONMENT}'  # a fork would not have the limit
    limit = ['bash', '-c', 'ulimit -f 64; exec "$@"', 'bash']
    result = call(tmp_path, *arguments, apart, before=limit)
    assert result.returncode == 71 and 'Traceback' not in result.stderr
    assert 'tries again' in result.stderr.splitlines()[-1]
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    with pytest.raises(UserError):
      sources.find_prepared('large')
    assert list((tmp_path / 'large').iterdir()) == []
    assert call(tmp_path, *arguments).returncode == 0
    assert len(stored(tmp_path, 'large', monkeypatch)['train']) == 5

  def test_imagenet_from_the_two_archives(self, pictures, tmp_path, monkeypatch):
    content = ilsvrc(tmp_path)
    result = call(tmp_path, 'imagenet2012', f'--archives={tmp_path}')
    assert result.returncode == 0, result.stderr
    assert f'{TRAIN} is a part of the original: 3 entries of 1,000' in result.stdout
    found = stored(tmp_path, 'imagenet2012', monkeypatch)
    # The labels of the challenge's ground truth: sea snake, alp, Shetland sheepdog.
    truth = {'1': 'n01751748', '2': 'n09193705', '3': 'n02105855'}
    for name, data in content['validation'].items():
      assert found['validation'].pop(name) == (truth[name[-6]], data)
    label, converted = found['train'].pop('n02105855_2933.JPEG')
    del content['train']['n02105855_2933.JPEG']
    assert label == 'n02105855' and converted.startswith(b'\xff\xd8\xff')
    for name, data in content['train'].items():
      assert found['train'].pop(name) == (name.partition('_')[0], data)
    assert found == {'train': {}, 'validation': {}}

  def test_imagenette_is_the_newest_full_size(self, pictures, tmp_path, monkeypatch):
    """Built from a small archive that stands for the download."""
    images = {half: picture(12, 15) for half in ('train', 'val')}
    files = {f'imagenette2/{half}/n01440764/{half}.JPEG': data
             for half, data in images.items()}  # fmt: skip
    download(tmp_path, 'imagenette', tar(files, mode='w:gz'))
    result = call(tmp_path, 'imagenette')
    assert result.returncode == 0, result.stderr
    found = stored(tmp_path, 'imagenette/full-size-v2', monkeypatch)
    assert found['train'] == {'': ('n01440764', images['train'])}
    assert found['validation'] == {'': ('n01440764', images['val'])}

  def test_imagenette_160_are_the_central_squares(
    self, pictures, tmp_path, monkeypatch
  ):
    """Of the small images, decoded as training decodes what has one size."""
    wide = Image.fromarray(np.repeat(np.uint8([[0, 100, 200]]), 160, 0).repeat(100, 1))
    file = io.BytesIO()
    wide.convert('RGB').save(file, 'JPEG')
    images = {'train': file.getvalue(), 'val': picture(320, 400)}
    files = {f'imagenette2-160/{half}/n02102040/{half}.JPEG': data
             for half, data in images.items()}  # fmt: skip
    download(tmp_path, 'imagenette_160', tar(files, mode='w:gz'))
    result = call(tmp_path, 'imagenette_160')
    assert result.returncode == 0, result.stderr
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    builder = tfds.builder_from_directory(sources.find_prepared('imagenette_160'))
    (train,), (test,) = (builder.as_data_source(s) for s in ('train', 'validation'))
    assert train['image'].shape == test['image'].shape == (160, 160, 3)
    # The middle third of the columns, and 30 of either side.
    assert train['image'][80, [10, 80, 150], 0] == pytest.approx([0, 100, 200], abs=9)
    assert builder.info.features['label'].names[train['label']] == 'n02102040'
    assert sources.num_training_examples('imagenette_160') == 1

  def test_cifar10(self, pictures, tmp_path, monkeypatch):
    """Built from six images that stand for the download."""
    parts = [f'data_batch_{i}' for i in range(1, 6)] + ['test_batch']
    rows = np.random.default_rng(0).integers(0, 256, (6, 3073), np.uint8)
    rows[:, 0] = range(6)
    files = {f'cifar-10-batches-bin/{part}.bin': row.tobytes()
             for part, row in zip(parts, rows)}  # fmt: skip
    names = '\n'.join(f'class{i}' for i in range(10)).encode()
    files['cifar-10-batches-bin/batches.meta.txt'] = names
    download(tmp_path, 'cifar10', tar(files, mode='w:gz'))
    assert call(tmp_path, 'cifar10').returncode == 0
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    source = tfds.builder_from_directory(sources.find_prepared('cifar10'))
    (record,) = source.as_data_source('test')
    expected = rows[5, 1:].reshape(3, 32, 32).transpose(1, 2, 0)
    assert record['label'] == 5 and (record['image'] == expected).all()
    assert len(source.as_data_source('train')) == 5

  def test_a_download_that_is_not_the_original(self, pictures, tmp_path):
    write(tmp_path, {'cifar-10-binary.tar.gz': tar({}, mode='w:gz')})
    result = call(tmp_path, 'cifar10', f'--archives={tmp_path}')
    assert result.returncode == 1
    assert 'Traceback' not in result.stderr and 'wrong checksum' in result.stderr

  @pytest.mark.parametrize(
    'name, words',
    [
      ('mnits', ['catalogue', 'did you mean mnist', 'folder --images']),
      ('imagenette/full-size-v3', ['full-size-v2']),
      ('imagenet2012_subset', ['--archives=DIR', 'image-net.org']),
    ],
  )
  def test_catalogue_names(self, pictures, tmp_path, name, words):
    assert_refused(call(tmp_path, name), name, *words)

  def test_a_folder_may_not_take_a_name_of_the_catalogue(self, pictures, tmp_path):
    arguments = [f'--images={pictures[1]}', '--name=mnist']
    assert_refused(call(tmp_path, 'folder', *arguments), '--name=mnist', 'catalogue')

  def test_what_is_there_in_another_format_stays(self, pictures, tmp_path):
    directory = tmp_path / 'mnist' / '3.0.1'
    directory.mkdir(parents=True)
    assert_refused(call(tmp_path, 'mnist'), directory, 'no whole data set')
    for source in pictures[0].glob('pictures/1.0.0/*.json'):
      shutil.copy(source, directory)
    path = directory / 'dataset_info.json'
    information = {'fileFormat': 'tfrecord', 'name': 'mnist', 'version': '3.0.1'}
    path.write_text(json.dumps(json.loads(path.read_text()) | information))
    assert_refused(call(tmp_path, 'mnist'), directory, 'tfrecord', '--data_dir')

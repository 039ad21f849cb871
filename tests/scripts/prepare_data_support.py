"""What the tests of prepare_data.py prepare: tiny images, folders and archives."""

import io
import os
import tarfile

from PIL import Image

TRAIN, VALIDATION = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar'
# What TFDS knows the originals by: their URL and SHA-256.
DOWNLOADS = {
  'cifar10': (
    'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
  ),
  'imagenette': (
    'https://s3.amazonaws.com/fast-ai-imageclas/imagenette2.tgz',
    '6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd',
  ),
  'imagenette_160': (
    'https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz',
    '64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5',
  ),
}


def picture(height, width, mode='RGB', encoding='JPEG'):
  """The bytes of an image of noise, which is another one each time."""
  pixels = os.urandom(height * width * len(mode.replace('L', '1')))
  file = io.BytesIO()
  Image.frombytes(mode, (width, height), pixels).save(file, encoding)
  return file.getvalue()


def picture_folder(directory, held_out='validation'):
  """Writes two classes and returns the bytes by split and file name."""
  content = {'train': {}, 'validation': {}}
  for split, files in content.items():
    for label in ('dog', 'cat'):
      for number, (size, mode) in enumerate((((9, 30), 'RGB'), ((40, 7), 'L'))):
        files[f'{label}/{number}.jpg'] = picture(*size, mode)
    half = directory / (held_out if split == 'validation' else split)
    write(half, files)
    (half / 'cat' / '.hidden').touch()
  return content


def write(directory, files):
  for name, content in files.items():
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def tar(files, mode='w'):
  """The bytes of a tar file."""
  file = io.BytesIO()
  with tarfile.open(fileobj=file, mode=mode) as archive:
    for name, content in files.items():
      member = tarfile.TarInfo(name)
      member.size = len(content)
      archive.addfile(member, io.BytesIO(content))
  return file.getvalue()


def ilsvrc(directory):
  """Writes two archives in ILSVRC's layout and returns the images by split."""
  train = {
    synset: {f'{synset}_{i}.JPEG': picture(20 + i, 30) for i in (1, 20)}
    for synset in ('n01443537', 'n01440764')
  }
  # In an order of their own, as in the original.
  validation = {f'ILSVRC2012_val_{i:08d}.JPEG': picture(25, 20) for i in (3, 1, 2)}
  # One of the two kinds of images that TFDS is known to convert.
  train['n02105855'] = {'n02105855_2933.JPEG': picture(20, 20, encoding='PNG')}
  synsets = {f'{synset}.tar': tar(files) for synset, files in train.items()}
  write(directory, {TRAIN: tar(synsets), VALIDATION: tar(validation)})
  return {'train': {k: v for files in train.values() for k, v in files.items()},
          'validation': validation}  # fmt: skip


def download(data_dir, name, content):
  """Puts a file where TFDS keeps the download of that data set."""
  from tensorflow_datasets.core.download import resource

  folder = data_dir / 'downloads' / name.removesuffix('_160')
  path = folder / resource.get_dl_fname(*DOWNLOADS[name])
  write(path.parent, {path.name: content, f'{path.name}.INFO': b'{}'})

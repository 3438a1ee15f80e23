"""Data sets by name, from the folder that `SPARRING_DATA` names, or downloaded once."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from sparring.base.cache import cache_directory, cached_file, digest
from sparring.base.errors import RequestError
from sparring.data import Found
from sparring.kinds.images.archives import ArrayFiles, read_cifar, read_idx_family

FASHION_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

# SHA-256 of the uncompressed files: the same content is found under several gzip containers
_MNIST = {
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_FASHION = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
_MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION_URL = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_CIFAR_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"


def read_named(name: str, found: Found) -> ArrayFiles:
    """`mnist`, `fashion_mnist` or `cifar10`, with the official test part held out."""
    if name == "cifar10":
        return read_cifar(own_folder(name) or _cifar(), found)
    files, url = (_MNIST, _MNIST_URL) if name == "mnist" else (_FASHION, _FASHION_URL)
    folder = own_folder(name)
    if folder is not None:
        for file, sha256 in files.items():
            _check(folder / file, sha256)
    else:
        for file, sha256 in files.items():
            folder = cached_file(f"{name}/{file}", url + file, sha256, unpacked=True).parent
    if folder is None:
        raise RequestError(f"data: no files are known for {name}")
    source = read_idx_family(folder, found)
    return source._replace(label_names=FASHION_NAMES) if name == "fashion_mnist" else source


def own_folder(name: str) -> Path | None:
    """The folder of that name within `SPARRING_DATA`, where the variable is set and the folder is there."""
    base = os.environ.get("SPARRING_DATA")
    if not base:
        return None
    if not Path(base).is_dir():
        raise RequestError(f"SPARRING_DATA: no such folder: {base}")
    folders = [Path(base) / spelling for spelling in (name, name.replace("_", "-"))]
    return next((folder for folder in folders if folder.is_dir()), None)


def _check(path: Path, sha256: str) -> None:
    if not path.exists():
        raise RequestError(f"{path}: no such file; a named data set needs its original files")
    try:
        found = digest(path, unpacked=True)
    except (OSError, EOFError) as error:
        raise RequestError(f"{path}: cannot be read ({error})") from None
    if found != sha256:
        raise RequestError(f"{path}: SHA-256 of its content is {found[:12]}..., wanted {sha256[:12]}...")


def _cifar() -> Path:
    """The folder of the binary batches in the cache, unpacked from the official archive."""
    folder = cache_directory() / "cifar10" / "cifar-10-batches-bin"
    if folder.is_dir():
        return folder
    archive = cached_file("cifar10/cifar-10-binary.tar.gz", _CIFAR_URL, _CIFAR_SHA256)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=archive.parent))
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(part, filter="data")
        os.replace(part / folder.name, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder

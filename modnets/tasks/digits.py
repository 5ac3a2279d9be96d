"""Images of digits: those that come with scikit-learn, or MNIST from the user's own files.

The format of the MNIST files, IDX, is described with the data set: Y. LeCun, C. Cortes and
C. Burges, The MNIST database of handwritten digits (1998).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from modnets.checked import checked
from modnets.errors import one_of, require, shown
from modnets.paths import ROOT, expanded

SOURCES = ("bundled", "mnist")

#: Files of MNIST: images and labels for training, then those of the test set.
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
#: Subfolders in which the files may be; torchvision creates the first of these.
SUBFOLDERS = ("MNIST/raw", "raw", "mnist", "MNIST")

#: The first byte of a gzip file, and of no IDX file.
GZIP = b"\x1f"
#: The first four bytes of an IDX file: 0, 0, data type (8: unsigned bytes), number of dimensions.
MAGIC = {"labels": 0x0801, "images": 0x0803}


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of digits with their labels.

    Attributes
    ----------
    source : str
        One of bundled, mnist.
    name : str
        Name in titles and tables.
    images : ndarray of uint8, shape (image, side, side), 0 to ``largest``
    labels : ndarray of uint8, shape (image,), 0 to 9
    is_test : ndarray of bool, shape (image,)
        Which images are of the test set.
    largest : int
        The value of a full pixel: 16 bundled, 255 MNIST.
    folder : str, optional
        Absolute path of the folder that was read; None for the bundled digits.
    """

    source: str
    name: str
    images: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    is_test: np.ndarray = field(repr=False)
    largest: int
    folder: str | None = None

    @property
    def side(self) -> int:
        """Pixels along each side of an image."""
        return self.images.shape[-1]

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with any pixel, label or part of the split."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels, self.is_test):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


@checked
def load_digits(source: str = "bundled", folder: str | Path | None = None) -> Digits:
    """The digits of a source; one source never replaces the other.

    Loaded once in a process: the same files give the same object, with read-only arrays, even if
    their content has changed since.

    Parameters
    ----------
    source : str
        - bundled: the 1797 images of 8 x 8 pixels that come with scikit-learn.  They have no test
          set of their own: every fourth image of each digit (indices 3, 7, 11, ... among the
          images of that digit, in the order of the file) is the test set here.
        - mnist: the four files of MNIST, raw or .gz; training images first, then the test set.
    folder : str or Path, optional
        Folder of the files of mnist, also in its subfolders ``MNIST/raw``, ``raw``, ``mnist`` or
        ``MNIST``; by default ``datasets`` in the working directory, then in the repository.

    Returns
    -------
    Digits

    Raises
    ------
    ValueError
        If the source is unknown, there is a folder for the bundled digits, files are missing, or a
        file does not hold what its name says.
    """
    one_of("digits", source, SOURCES)
    if source == "bundled":
        require(
            folder is None,
            f"folder={shown(str(folder), 300)} with digits='bundled'; allowed is None: they need "
            "no files",
        )
        return _bundled()
    return _mnist(*_find(folder))


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an IDX file of unsigned bytes.

    Parameters
    ----------
    path : str or Path
        A raw or gzip-compressed file, whatever its name.

    Returns
    -------
    ndarray of uint8, read-only, of 1 to 3 dimensions

    Raises
    ------
    ValueError
        With file, content and what is allowed: if it cannot be read or decompressed, is no IDX file
        of unsigned bytes, or holds fewer or more bytes than its header says.
    """
    path = expanded(path)
    content = _content(path)
    sizes = _sizes(path, content)
    start = 4 + 4 * len(sizes)
    size, stated = len(content) - start, math.prod(sizes)
    require(
        size == stated,
        f"{path} is {'cut' if size < stated else 'too long'}: {size} bytes after the header; "
        f"allowed are {stated}, for the header says {_times(sizes)}",
    )
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)


@cache
def _bundled() -> Digits:
    from sklearn.datasets import load_digits as load  # a slow import

    data = load()
    labels = data.target.astype(np.uint8)
    is_test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        is_test[np.flatnonzero(labels == digit)[3::4]] = True
    images = _read_only(data.images.astype(np.uint8))
    return Digits(
        "bundled", "bundled digits", images, _read_only(labels), _read_only(is_test), largest=16
    )


@cache
def _mnist(*paths: Path) -> Digits:
    """MNIST from the paths of its four files, in the order of ``FILES``."""
    train_images, train_labels = _images_and_labels(*paths[:2])
    test_images, test_labels = _images_and_labels(*paths[2:])
    shape, allowed = (_times(images.shape[1:]) for images in (test_images, train_images))
    require(
        shape == allowed,
        f"{paths[2]}: images of {shape}; allowed are {allowed}, as in {paths[0].name}",
    )
    return Digits(
        "mnist",
        "MNIST",
        _read_only(np.concatenate([train_images, test_images])),
        _read_only(np.concatenate([train_labels, test_labels])),
        _read_only(np.repeat([False, True], [len(train_labels), len(test_labels)])),
        largest=255,
        folder=str(paths[0].parent),
    )


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _find(folder: str | Path | None) -> list[Path]:
    """Absolute paths of the four files, in the first folder that holds them all."""
    defaults: list[str | Path] = ["datasets", ROOT / "datasets"]
    bases = dict.fromkeys(
        expanded(base, "folder").resolve() for base in (defaults if folder is None else [folder])
    )
    lacking = ""
    for subfolder in (base / sub for base in bases for sub in ("", *SUBFOLDERS)):
        paths = {name: list(filter(os.path.isfile, _variants(subfolder, name))) for name in FILES}
        missing = [name for name in FILES if not paths[name]]
        if not missing:
            return [paths[name][0] for name in FILES]
        if len(missing) < len(FILES):
            lacking += f"; {subfolder} lacks {', '.join(missing)}"
    raise ValueError(
        f"digits='mnist': files not found in {' or '.join(map(str, bases))}, nor below in "
        f"{', '.join(SUBFOLDERS)}{lacking}; allowed is a folder with {', '.join(FILES)}, each raw "
        "or .gz, or with a dot as in train-images.idx3-ubyte; to get them: "
        "torchvision.datasets.MNIST(folder, download=True), or the four files from any MNIST "
        "mirror; digits='bundled' needs no files"
    )


def _variants(folder: Path, name: str) -> list[Path]:
    """The paths in a folder that a file of MNIST may have."""
    names = (name, name.replace("-idx", ".idx"))
    return [folder / f"{name}{ending}" for name in names for ending in ("", ".gz")]


def _images_and_labels(images_path: Path, labels_path: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = _read(images_path, "images"), _read(labels_path, "labels")
    shape = images.shape[1:]
    require(shape[0] == shape[1], f"{images_path}: images of {_times(shape)}; allowed are squares")
    require(
        len(labels) == len(images),
        f"{labels_path}: {len(labels)} labels; "
        f"allowed are {len(images)}, as many as images in {images_path.name}",
    )
    index = int(labels.argmax())
    require(
        labels[index] <= 9,
        f"{labels_path}: label {labels[index]} at place {index}; allowed are 0 to 9",
    )
    return images, labels


def _read(path: Path, kind: str) -> np.ndarray:
    array = read_idx(path)
    magic = 0x0800 + array.ndim
    require(
        magic == MAGIC[kind],
        f"{path} is mislabelled: magic number {magic}; allowed is {MAGIC[kind]}, that of {kind}",
    )
    return array


def _content(path: Path) -> bytes:
    """The bytes of a file, decompressed if they are compressed, whatever its name."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:1] == GZIP else content
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(
            f"{path} cannot be read ({reason}); allowed is a whole IDX file, raw or .gz"
        ) from None


def _sizes(path: Path, content: bytes) -> list[int]:
    """The sizes of the dimensions, from the header."""
    magic, end = int.from_bytes(content[:4], "big"), 4 + 4 * sum(content[3:4])
    require(
        len(content) < 4 or MAGIC["labels"] <= magic <= MAGIC["images"],
        f"{path}: magic number {magic}, data type 0x{content[2:3].hex()}; allowed are "
        f"{MAGIC['labels']} to {MAGIC['images']}, data type 0x08 (unsigned bytes)",
    )
    require(
        len(content) >= end,
        f"{path} is cut: a header of {len(content)} bytes; allowed are at least {end}",
    )
    sizes = np.frombuffer(content[4:end], ">u4").tolist()
    require(min(sizes) > 0, f"{path}: sizes {_times(sizes)}; allowed are sizes of at least 1")
    return sizes


def _times(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))

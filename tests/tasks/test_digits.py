"""Digits: complete files are read from every folder allowed, any other is an error of one line."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modnets.tasks import digits
from modnets.tasks.digits import FILES, SUBFOLDERS, load_digits, read_idx

TRAIN, TEST, SIDE = 13, 7, 5
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES


def idx(array: np.ndarray) -> bytes:
    """An array as the bytes of an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def some(seed: int = 0) -> dict[str, np.ndarray]:
    """Images and labels under the names of the four files."""
    rng = np.random.default_rng(seed)
    images = {name: (n, SIDE, SIDE) for name, n in [(TRAIN_IMAGES, TRAIN), (TEST_IMAGES, TEST)]}
    arrays = {name: rng.integers(256, size=s, dtype=np.uint8) for name, s in images.items()}
    labels = [(TRAIN_LABELS, TRAIN), (TEST_LABELS, TEST)]
    return arrays | {name: rng.integers(10, size=n, dtype=np.uint8) for name, n in labels}


def write(folder: Path, arrays: dict[str, np.ndarray], dot: bool = False, gz: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        name = name.replace("-idx", ".idx") if dot else name
        content = gzip.compress(idx(array), mtime=0) if gz else idx(array)
        (folder / (name + ".gz" * gz)).write_bytes(content)
    return folder


def save(folder: Path, content: bytes, name: str = "some") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def check_is(loaded: digits.Digits, arrays: dict[str, np.ndarray]) -> None:
    images = np.concatenate([arrays[TRAIN_IMAGES], arrays[TEST_IMAGES]])
    labels = np.concatenate([arrays[TRAIN_LABELS], arrays[TEST_LABELS]])
    np.testing.assert_array_equal(loaded.images, images)
    np.testing.assert_array_equal(loaded.labels, labels)
    assert loaded.is_test.tolist() == [False] * TRAIN + [True] * TEST


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a working directory, now the current one, and a repository."""
    (tmp_path / "working").mkdir()
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "working")
    monkeypatch.setattr(digits, "ROOT", tmp_path / "repository")
    return tmp_path


# The bundled digits


def test_the_bundled_digits_are_what_they_were() -> None:
    bundled = load_digits()
    assert (bundled.source, bundled.name, bundled.folder) == ("bundled", "bundled digits", None)
    assert bundled.images.shape == (1797, 8, 8)
    assert bundled.side == 8
    assert bundled.labels.shape == bundled.is_test.shape == (1797,)
    assert [a.dtype for a in (bundled.images, bundled.labels)] == [np.uint8, np.uint8]
    assert bundled.is_test.dtype == bool
    assert (bundled.images.min(), bundled.images.max()) == (0, bundled.largest) == (0, 16)
    # Of sklearn's file and of the choice of test images: results depend on both.
    assert bundled.fingerprint == "a5fd42e5b0672273"


def test_every_fourth_image_of_each_digit_is_a_test_image() -> None:
    bundled = load_digits()
    seen = dict.fromkeys(range(10), 0)
    for label, is_test in zip(bundled.labels.tolist(), bundled.is_test.tolist(), strict=True):
        assert is_test == (seen[label] % 4 == 3)
        seen[label] += 1
    assert min(seen.values()) > 170
    for digit in range(10):
        assert bundled.is_test[bundled.labels == digit].mean() == pytest.approx(0.25, abs=0.005)


def test_no_bundled_test_image_is_a_training_image() -> None:
    bundled = load_digits()
    parts = [bundled.images[bundled.is_test == is_test] for is_test in (False, True)]
    train, test = ({image.tobytes() for image in part} for part in parts)
    assert len(train) == 1352
    assert len(test) == 445
    assert train & test == set()


def test_scikit_learn_is_imported_only_when_wanted() -> None:
    code = "import sys, modnets.tasks.digits; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_folder_is_not_for_the_bundled_digits(tmp_path: Path) -> None:
    write(tmp_path, some())
    message = re.escape(f"folder={str(tmp_path)!r} with digits='bundled'; allowed is None")
    with pytest.raises(ValueError, match=message):
        load_digits("bundled", tmp_path)


@pytest.mark.parametrize(("source", "near"), [("bundle", "bundled"), ("minst", "mnist")])
def test_an_unknown_source_is_an_error_that_names_the_nearest(source: str, near: str) -> None:
    message = f"unknown digits '{source}', did you mean '{near}'.*allowed: bundled, mnist"
    with pytest.raises(ValueError, match=message):
        load_digits(source)


# MNIST


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("sub", ["", *SUBFOLDERS])
def test_files_are_read_under_all_their_names(
    tmp_path: Path, sub: str, dot: bool, gz: bool
) -> None:
    write(tmp_path / sub, some(), dot, gz)
    loaded = load_digits("mnist", tmp_path)
    check_is(loaded, some())
    assert (loaded.source, loaded.name, loaded.largest) == ("mnist", "MNIST", 255)
    assert loaded.side == SIDE
    # `samefile`: where case makes no difference, MNIST is found as mnist.
    assert Path(loaded.folder).is_absolute()
    assert os.path.samefile(loaded.folder, tmp_path / sub)


def test_torchvision_leaves_raw_files_beside_packed_ones(tmp_path: Path) -> None:
    raw = write(tmp_path / "MNIST" / "raw", some())
    for name in FILES:
        save(raw, b"a packed file that nobody needs", f"{name}.gz")
    check_is(load_digits("mnist", str(tmp_path)), some())


def test_raw_and_packed_files_may_be_mixed(tmp_path: Path) -> None:
    arrays = some()
    write(tmp_path, {name: arrays[name] for name in FILES[:3]}, gz=True)
    write(tmp_path, {TEST_LABELS: arrays[TEST_LABELS]}, dot=True)
    check_is(load_digits("mnist", tmp_path), arrays)


def test_a_folder_with_the_name_of_a_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / TRAIN_IMAGES).mkdir()
    write(tmp_path, some(), gz=True)
    check_is(load_digits("mnist", tmp_path), some())


FOLDERS = [f"{base}/datasets/{sub}" for base in ("working", "repository") for sub in ("", "raw")]


@pytest.mark.parametrize("first", range(len(FOLDERS)))
def test_the_working_folder_comes_before_the_repository(elsewhere: Path, first: int) -> None:
    for seed, folder in enumerate(FOLDERS[first:]):
        write(elsewhere / folder, some(seed))
    check_is(load_digits("mnist"), some(0))


@pytest.mark.parametrize(("sooner", "later"), [("", "MNIST/raw"), ("MNIST/raw", "raw")])
def test_the_folder_itself_comes_first_then_where_torchvision_writes(
    tmp_path: Path, sooner: str, later: str
) -> None:
    write(tmp_path / later, some(1))
    write(tmp_path / sooner, some(2))
    check_is(load_digits("mnist", tmp_path), some(2))


def test_a_folder_that_is_named_is_the_only_one(elsewhere: Path) -> None:
    write(elsewhere / FOLDERS[0], some())
    with pytest.raises(ValueError, match=f"files not found in {re.escape(str(elsewhere))},"):
        load_digits("mnist", elsewhere)


def test_a_half_filled_folder_is_passed_over(elsewhere: Path) -> None:
    half = dict(list(some(1).items())[:2])
    write(elsewhere / "working" / "datasets", half)
    write(elsewhere / "repository" / "datasets", some(2))
    check_is(load_digits("mnist"), some(2))


def test_what_to_do_without_files_is_one_line(elsewhere: Path) -> None:
    with pytest.raises(ValueError, match="digits='mnist': files not found in") as caught:
        load_digits("mnist")
    text = str(caught.value)
    assert "\n" not in text
    folders = [str((elsewhere / base / "datasets").resolve()) for base in ("working", "repository")]
    get = ["torchvision.datasets.MNIST(folder, download=True)", "digits='bundled' needs no files"]
    for part in [*folders, *SUBFOLDERS, *FILES, ".gz", "train-images.idx3-ubyte", *get]:
        assert part in text
    assert "lacks" not in text


def test_a_working_folder_that_is_the_repository_is_searched_once(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(elsewhere / "repository")
    with pytest.raises(ValueError, match="files not found") as caught:
        load_digits("mnist")
    assert str(caught.value).count(str((elsewhere / "repository" / "datasets").resolve())) == 1


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path / "raw", {other: array for other, array in some().items() if other != name})
    folder = re.escape(str((tmp_path / "raw").resolve()))
    with pytest.raises(ValueError, match=f"; {folder} lacks {name}; allowed is a folder with"):
        load_digits("mnist", tmp_path)


PAIRS = [("train", TRAIN), ("t10k", TEST)]


@pytest.mark.parametrize(("part", "n"), PAIRS)
def test_files_under_each_others_names_are_mislabelled(tmp_path: Path, part: str, n: int) -> None:
    images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    arrays = some()
    write(tmp_path, arrays | {labels: arrays[images]})
    with pytest.raises(ValueError, match=rf"{labels} is mislabelled: .* 2051; allowed is 2049,"):
        load_digits("mnist", tmp_path)
    write(tmp_path, arrays | {images: arrays[labels]})
    with pytest.raises(ValueError, match=rf"{images} is mislabelled: .* 2049; allowed is 2051,"):
        load_digits("mnist", tmp_path)
    write(tmp_path, arrays | {images: arrays[images].reshape(n, -1)})
    with pytest.raises(ValueError, match=rf"{images} is mislabelled: .* 2050; allowed is 2051,"):
        load_digits("mnist", tmp_path)


@pytest.mark.parametrize(("part", "n"), PAIRS)
def test_images_and_labels_must_fit(tmp_path: Path, part: str, n: int) -> None:
    images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    arrays = some()
    write(tmp_path, arrays | {labels: arrays[labels][:-1]})
    with pytest.raises(ValueError, match=rf"{labels}: {n - 1} labels; allowed are {n}, as many"):
        load_digits("mnist", tmp_path)
    write(tmp_path, arrays | {images: arrays[images][:-1]})
    with pytest.raises(ValueError, match=rf"{labels}: {n} labels; allowed are {n - 1}, as many"):
        load_digits("mnist", tmp_path)
    write(tmp_path, arrays | {images: arrays[images][:, :, :3]})
    with pytest.raises(ValueError, match=rf"{images}: images of 5 x 3; allowed are squares"):
        load_digits("mnist", tmp_path)
    wrong = arrays[labels].copy()
    wrong[2] = 10
    write(tmp_path, arrays | {labels: wrong})
    with pytest.raises(ValueError, match=rf"{labels}: label 10 at place 2; allowed are 0 to 9"):
        load_digits("mnist", tmp_path)


def test_training_and_test_images_must_be_of_one_size(tmp_path: Path) -> None:
    arrays = some()
    write(tmp_path, arrays | {TEST_IMAGES: arrays[TEST_IMAGES][:, :3, :3]})
    message = rf"{TEST_IMAGES}: images of 3 x 3; allowed are 5 x 5, as in {TRAIN_IMAGES}"
    with pytest.raises(ValueError, match=message):
        load_digits("mnist", tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_checked(tmp_path: Path, name: str) -> None:
    write(tmp_path, some())
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{name} is cut: "):
        load_digits("mnist", tmp_path)


# One file

SMALL = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
WHOLE = idx(SMALL)
PACKED = gzip.compress(WHOLE, mtime=0)


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=7)),
    st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, gz: bool
) -> None:
    write(tmp_path_factory.getbasetemp() / "idx", {"array": array}, gz=gz)
    path = tmp_path_factory.getbasetemp() / "idx" / ("array" + ".gz" * gz)
    np.testing.assert_array_equal(read_idx(path), array, strict=True)


def test_sizes_are_read_with_all_their_bytes(tmp_path: Path) -> None:
    array = np.zeros(65_793, np.uint8)  # 0x010101
    assert read_idx(save(tmp_path, b"\0\0\x08\x01\0\x01\x01\x01" + bytes(array))).shape == (65_793,)


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, length: int) -> None:
    size = f"a header of {length} bytes" if length < 16 else f"{length - 16} bytes after"
    allowed = r"4$" if length < 4 else r"16$" if length < 16 else "12, for .* says 3 x 2 x 2"
    with pytest.raises(ValueError, match=rf"some is cut: {size}.*; allowed are .*{allowed}"):
        read_idx(save(tmp_path, WHOLE[:length]))


def test_a_packed_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for length in range(1, len(PACKED)):
        with pytest.raises(ValueError, match=r"cut\.gz cannot be read \(.+\); allowed is a whole"):
            read_idx(save(tmp_path, PACKED[:length], "cut.gz"))
    with pytest.raises(ValueError, match=r"cut\.gz is cut: a header of 0 bytes; allowed are"):
        read_idx(save(tmp_path, b"", "cut.gz"))
    assert read_idx(save(tmp_path, PACKED, "cut.gz")).tolist() == SMALL.tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PACKED[:1] + WHOLE, "Not a gzipped file"),
        (PACKED[:10] + b"\xff" * 20, "invalid block type"),
        (PACKED[:-8] + bytes(4) + PACKED[-4:], "CRC check failed"),
        (PACKED + b"more", "Not a gzipped file"),
    ],
)
def test_a_damaged_packed_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"some\.gz cannot be read \(.*{message}.*\); allowed is"):
        read_idx(save(tmp_path, content, "some.gz"))


def test_a_file_is_packed_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    """Browsers save compressed files without .gz, and decompressed ones with it."""
    assert read_idx(save(tmp_path, PACKED, "bare")).tolist() == SMALL.tolist()
    assert read_idx(save(tmp_path, WHOLE, "raw.gz")).tolist() == SMALL.tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHOLE + b"\0", "too long: 13 bytes after the header; allowed are 12, .* says 3 x 2 x 2"),
        (WHOLE + WHOLE, "too long: 40 bytes after the header; allowed are 12"),
        (WHOLE[:4] + b"\xff" * 12 + WHOLE[16:], "cut: 12 bytes after the header; allowed are 792"),
        (WHOLE[:7] + b"\0" + WHOLE[8:], "sizes 0 x 2 x 2; allowed are sizes of at least 1"),
        (WHOLE[:15] + b"\0", "sizes 3 x 2 x 0; allowed are sizes of at least 1"),
        (b"\0\0\x0d\x03" + WHOLE[4:], "data type 0x0d; allowed are .* 0x08"),
        (b"\0\0\x09\x01" + WHOLE[4:], "data type 0x09; allowed are .* 0x08"),
        (b"\0\x01\x08\x03" + WHOLE[4:], "magic number 67587, .*; allowed are 2049 to 2051"),
        (b"\x80\0\x08\x03" + WHOLE[4:], "magic number 2147485699, .*; allowed are 2049 to 2051"),
        (b"\x03\x08\0\0" + WHOLE[4:], "magic number 50855936, .*; allowed are 2049 to 2051"),
        (b"\0\0\x08\0\x07", "magic number 2048, .*; allowed are 2049 to 2051"),
        (b"\0\0\x08\x04" + WHOLE[4:], "magic number 2052, .*; allowed are 2049 to 2051"),
        (b"\x89PNG\r\n\x1a\n", "magic number 2303741511, .*; allowed are 2049 to 2051"),
    ],
)
def test_what_is_no_idx_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^\S*some\b.*{message}") as caught:
        read_idx(save(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "nowhere.gz", ""])
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} cannot be read \([^(]+\);"):
        read_idx(path)


# All sources


def test_the_same_files_are_loaded_once(elsewhere: Path) -> None:
    write(elsewhere / "working" / "datasets" / "raw", some())
    loaded = load_digits("mnist")
    assert load_digits("mnist", "datasets") is loaded
    assert load_digits("mnist", elsewhere / "working" / "datasets" / "raw") is loaded
    assert load_digits() is load_digits("bundled", None)
    assert load_digits() is not loaded


def test_another_working_folder_has_files_of_its_own(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(elsewhere / "working" / "datasets", some(1))
    write(elsewhere / "repository" / "datasets", some(2))
    check_is(load_digits("mnist"), some(1))
    monkeypatch.chdir(elsewhere)
    check_is(load_digits("mnist"), some(2))


def test_a_file_that_was_refused_can_be_mended(tmp_path: Path) -> None:
    write(tmp_path, some() | {TEST_LABELS: np.full(TEST, 11, np.uint8)})
    with pytest.raises(ValueError, match="label 11 at place 0"):
        load_digits("mnist", tmp_path)
    check_is(load_digits("mnist", write(tmp_path, some())), some())


def test_nobody_can_change_what_all_share(tmp_path: Path) -> None:
    for loaded in (load_digits(), load_digits("mnist", write(tmp_path, some()))):
        for array in (loaded.images, loaded.labels, loaded.is_test):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
        assert torch.tensor(loaded.images).shape == loaded.images.shape  # without a warning


def test_the_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    raw = load_digits("mnist", write(tmp_path / "raw", some()))
    packed = load_digits("mnist", write(tmp_path / "packed", some(), gz=True))
    assert raw is not packed
    assert raw.fingerprint == packed.fingerprint
    assert re.fullmatch("[0-9a-f]{16}", raw.fingerprint)


@pytest.mark.parametrize("field", ["images", "labels", "is_test"])
@pytest.mark.parametrize("place", [0, -1])
def test_the_fingerprint_changes_with_any_value(tmp_path: Path, field: str, place: int) -> None:
    loaded = load_digits("mnist", write(tmp_path, some()))
    changed = getattr(loaded, field).copy()
    assert replace(loaded, **{field: changed}).fingerprint == loaded.fingerprint
    changed.flat[place] ^= 1
    assert replace(loaded, **{field: changed}).fingerprint != loaded.fingerprint


def test_the_fingerprint_tells_shapes_apart() -> None:
    dots, square = np.zeros((2, 1, 1), np.uint8), np.zeros((1, 2, 2), np.uint8)
    # As many zeros in all.
    two = digits.Digits("mnist", "MNIST", dots, np.zeros(2, np.uint8), np.zeros(2, bool), 255)
    one = digits.Digits("mnist", "MNIST", square, np.zeros(1, np.uint8), np.zeros(1, bool), 255)
    assert two.fingerprint != one.fingerprint

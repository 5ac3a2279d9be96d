"""``modnets train`` on several tasks and on digit pairs: the paper's commands as they stand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from modnets.__main__ import main
from modnets.commands.flags import train_parser
from modnets.commands.train import plan
from modnets.config.run_config import RunConfig
from modnets.experiments.store import Store
from modnets.tasks.digits import FILES
from modnets.tasks.named_graphs import TASK_SETS

DIGITS = (
    "--modularity 2 2 3 2 2 --num_digits 8 --dataset_split_seed 40 --dataset_split 0.8 "
    "--num_samples_per_combination_train 1000 --num_samples_per_combination_test 100 "
)
MLP = DIGITS + (
    "--model mlp --arch 1568 256 128 36 36 36 36 2 --pruning_ratio 0.0 --lr 0.001 "
    "--batch_size 128 --weight_decay 0.001 --epochs 200 --seed 0"
)
SHARED = DIGITS + (
    "--model hierarchically_modular_shared_modules_mlp --num_img_slots 2 --num_slots 3 2 "
    "--num_img_shared_modules 1 --num_shared_modules 2 --img_module_arch 784 128 64 3 "
    "--module_arch 2 12 1 --topk 2 --tau 0.5 --lr 0.01 --lr_module_input 0.01 "
    "--lr_module_location 0.01 --batch_size 128 --weight_decay 0.0001 --epochs 200 --seed 0"
)
BUNDLED = "--modularity 2 2 3 2 2 --num_digits 8 --digits bundled "
RATES = "--lr_module_input 0.1 --lr_module_location 0.1 "


@pytest.fixture(autouse=True)
def _empty_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("modnets.tasks.digits.ROOT", tmp_path / "elsewhere")


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """A folder with files in the format of MNIST: five training and two test images a digit."""
    folder = tmp_path / "datasets" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for names, each in ((FILES[:2], 5), (FILES[2:], 2)):
        labels = np.tile(np.arange(10, dtype=np.uint8), each)
        images = rng.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
        for name, array, magic in zip(names, (images, labels), (0x803, 0x801), strict=True):
            header = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
            (folder / name).write_bytes(header + array.tobytes())
    return tmp_path / "datasets"


def planned(line: str) -> RunConfig:
    runs, _ = plan(train_parser().parse(line.split()))
    return runs[0].final


def wrong_use(line: str, capsys: pytest.CaptureFixture) -> str:
    assert main(["train", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


@pytest.mark.parametrize("line", [MLP, SHARED])
def test_without_mnist_there_is_one_clear_line(line: str, capsys: pytest.CaptureFixture) -> None:
    said = wrong_use(line, capsys)
    assert "--digits='mnist': files not found in" in said
    assert all(name in said for name in FILES)
    assert "digits='bundled' needs no files" in said


@pytest.mark.usefixtures("mnist")
def test_the_papers_commands_with_mnist() -> None:
    dense = planned(MLP)
    assert dense.graph.name == "2-2-3-2-2 MNIST"
    assert dense.hidden == (256, 128, 36, 36, 36, 36)
    assert (dense.train_rows, dense.samples, dense.test_samples) == (51, 1000, 100)
    assert (dense.batch_size, dense.image_network, dense.lr) == (128, "mlp", 0.001)
    shared = planned(SHARED)
    assert (shared.model, shared.image_network) == ("shared", "mlp")
    assert (shared.image_hidden, shared.image_slots) == ((128, 64), 2)
    assert (shared.shared_image_modules, shared.shared_modules) == (1, 2)
    assert (shared.routing, shared.image_routing, shared.selection) == ("learned",) * 3
    assert (shared.slots, shared.arity, shared.temperature) == ((3, 2), 2, 0.5)
    assert planned(f"{SHARED} --known_module_input").image_routing == "known"


@pytest.mark.usefixtures("mnist")
@pytest.mark.parametrize("line", [MLP, SHARED])
def test_they_run(line: str, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    short = line.replace("--epochs 200", "--epochs 1").replace("_train 1000", "_train 3")
    assert main(["train", *short.replace("_test 100", "_test 2").split()]) == 0
    out, err = capsys.readouterr()
    assert "pairs of MNIST from" in err
    assert "on 2-2-3-2-2 MNIST, 51 rows, 1 run: solved 0/1, test bit accuracy on pairs seen" in out
    table = Store(tmp_path / "results" / "generalization").table()
    assert table["test_unseen_bit_accuracy"].between(0, 1).all()
    assert table["test_bit_accuracy"].isna().all()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--model cnn --pruning_ratio 75", {"model": "sparse", "image_network": "cnn"}),
        ("--model cnn --arch 128 7 2", {"model": "dense", "hidden": (7,)}),
        (
            f"--model hierarchically_modular_cnn --num_img_modules 2 {RATES}",
            {"model": "modular", "image_network": "cnn", "shared_image_modules": 0},
        ),
        (
            f"--model hierarchically_modular_shared_modules_cnn --num_img_modules 2 {RATES}",
            {"model": "shared", "shared_image_modules": 0, "image_slots": 2},
        ),
        (
            f"--model hierarchically_modular_mlp --img_module_arch 64 5 3 {RATES}",
            {"model": "modular", "image_hidden": (5,), "channels": None},
        ),
        (
            f"--model hierarchically_modular_mlp --known_img_module_input {RATES}",
            {"routing": "learned", "image_routing": "known"},
        ),
        ("--model mlp --img_network cnn --channels 3 5", {"channels": (3, 5)}),
    ],
)
def test_flags_of_images(line: str, expected: dict) -> None:
    final = planned(BUNDLED + line)
    assert {name: getattr(final, name) for name in expected} == expected


def test_pixels_may_be_normalized() -> None:
    assert not planned(BUNDLED).graph.normalize
    assert planned(f"{BUNDLED}--normalize_img").graph.normalize


def test_several_tasks() -> None:
    assert planned("--num_tasks 2").graph == TASK_SETS["two tasks"]
    assert planned("--experiment multi_task").graph == TASK_SETS["two tasks"]
    three = planned(f"--num_tasks 3 --model shared --held_out same --output_levels every {RATES}")
    assert three.graph == TASK_SETS["three tasks"]
    assert (three.held_out, three.output_levels, three.slots) == ("same", "every", (6, 2))
    control = planned(
        "--modularity 6 2 --knowledge 6 3 2 2 --model modular --known_module_input --num_slots 3 2"
    )
    assert control.known_graph.name == "6-3-2-2"


def test_several_tasks_leave_their_results_beside_those_of_one(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    assert (
        main(
            ["train", *["--num_tasks", "2", "--epochs", "2", "--train_rows", "8", "--seed", "0:2"]]
        )
        == 0
    )
    out, err = capsys.readouterr()
    assert "truth tables of 2 tasks computed; 2 runs" in err
    assert "dense on two tasks, 8 rows, 2 runs" in out
    assert len(Store(tmp_path / "results" / "multi_task").keys()) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--num_tasks 0", "--num_tasks=0; allowed is 1 or 2 or 3"),
        ("--experiment multi_task --num_tasks 1", "--num_tasks=1; allowed is 2 or 3"),
        ("--experiment generalization --num_tasks 2", "--num_tasks=2; allowed is 1"),
        ("--num_tasks 2 --modularity 6 2 2", "--modularity=6 2 2: with --num_tasks=2 allowed is 6"),
        ("--num_tasks 2 --num_digits 8", "--num_tasks=2: with --num_digits allowed is 1"),
        ("--num_digits 10", "--num_digits=10; allowed is 8"),
        (
            "--num_digits 8 --modularity 6 3 2 2",
            "--modularity=6 3 2 2: with --num_digits=8 allowed",
        ),
        ("--digits bundled", "--digits: there are no images without --num_digits"),
        ("--normalize_img", "--normalize_img: there are no images without --num_digits"),
        (f"{BUNDLED}--digits bundle", "unknown --digits"),
        ("--model cnn", "--model=cnn looks at images; allowed with --num_digits only"),
        (f"{BUNDLED}--arch 1568 36 2", "--arch=1568 36 2: graph 2-2-3-2-2 bundled digits has 128"),
        (f"{BUNDLED}--model cnn --arch 9 2", "has 128 values from its convolutions and 2 outputs"),
        (
            f"{BUNDLED}--model hierarchically_modular_mlp --img_module_arch 784 128 64 3 {RATES}",
            "--img_module_arch=784 128 64 3: 2-2-3-2-2 bundled digits has 64 pixels and digits of",
        ),
        (
            f"{BUNDLED}--model hierarchically_modular_mlp --num_img_slots 3 --num_img_modules 2",
            "--num_img_modules=2: own modules are one for each of --num_img_slots=3",
        ),
        (f"{BUNDLED}--model cnn --img_network mlp", "--img_network=mlp: with --model cnn allowed"),
        (f"{BUNDLED}--num_samples_per_combination_train 0", "_train (samples)=0; allowed is at"),
        ("--held_out some --num_tasks 2", "unknown --held_out 'some'"),
    ],
)
def test_wrong_use_is_one_line(line: str, message: str, capsys: pytest.CaptureFixture) -> None:
    assert message in wrong_use(line, capsys)

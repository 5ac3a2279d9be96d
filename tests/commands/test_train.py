"""``modnets train``: the paper's commands as they stand, and one clear line for what is wrong."""

import re
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from modnets.__main__ import main
from modnets.commands.flags import FLAGS, by_setting, train_parser
from modnets.commands.train import plan, summary
from modnets.config.run_config import RunConfig
from modnets.experiments import sweep
from modnets.experiments.store import Store

MLP = (
    "--experiment generalization --num_tasks 1 --dataset_path ./datasets/generalization/ "
    "--result_path ./results/ --modularity 6 3 2 2 --model mlp --arch 6 36 36 36 2 "
    "--pruning_ratio 50.0 --lr 0.1 --batch_size 8 --epochs 200 --seed 1"
)
OWN = (
    "--experiment generalization --num_tasks 1 --dataset_path ./datasets/generalization/ "
    "--result_path ./results/ --modularity 6 3 2 2 --model hierarchically_modular "
    "--num_modules 3 2 --module_arch 2 12 1 --lr 0.01 --lr_module_input 0.1 --batch_size 8 "
    "--epochs 200 --seed 1"
)
SHARED = (
    "--experiment generalization --num_tasks 1 --dataset_path ./datasets/generalization/ "
    "--result_path ./results/ --modularity 6 3 2 2 "
    "--model hierarchically_modular_shared_modules --num_shared_modules 2 --num_slots 3 2 "
    "--module_arch 2 12 1 --lr 0.01 --lr_module_input 0.1 --lr_module_location 0.1 "
    "--batch_size 8 --epochs 200 --seed 1"
)
KNOWN_BOTH = "--known_module_input --known_module_locations"
COMMON = {"input_noise": 0.0, "batch_size": 8, "epochs": 200, "seed": 1}
BASE = {"graph": "6-3-2-2", **COMMON}
OWN_CONFIG = BASE | {"model": "modular", "slots": (3, 2), "arity": 2}
SHARED_CONFIG = OWN_CONFIG | {"model": "shared", "shared_modules": 2}


@pytest.fixture(autouse=True)
def _empty_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def planned(line):
    return plan(train_parser().parse(line.split()))


def wrong_use(line, capsys):
    """The line on standard error of a command that is wrong use."""
    assert main(["train", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("modnets train: ")
    return err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (MLP, BASE | {"model": "sparse", "pruning_ratio": 50.0, "lr": 0.1}),
        (MLP.replace("50.0", "0.0"), BASE | {"model": "dense", "lr": 0.1}),
        (OWN, OWN_CONFIG),
        (f"{OWN} --known_module_input", OWN_CONFIG | {"routing": "known"}),
        (f"{OWN} --known_module_inputs", OWN_CONFIG | {"routing": "known"}),
        (f"{OWN} --known_func_outputs", OWN_CONFIG | {"outputs": "known"}),
        (SHARED, SHARED_CONFIG),
        (f"{SHARED} {KNOWN_BOTH}", SHARED_CONFIG | {"routing": "known"}),
        (
            f"{SHARED} --known_module_input",
            SHARED_CONFIG | {"routing": "known", "selection": "learned"},
        ),
        (
            f"{SHARED} --known_module_locations",
            SHARED_CONFIG | {"routing": "learned", "selection": "known"},
        ),
        (
            f"{OWN} --use_gumbel --tau 1.0 --per_sample_routing",
            OWN_CONFIG | {"gumbel": True, "temperature": 1.0, "per_sample_routing": True},
        ),
        (
            f"{OWN} --dataset_noise --dataset_split 0.5 --dataset_split_seed 41 --topk 2 "
            "--weight_decay 0.003",
            OWN_CONFIG
            | {"input_noise": 0.1, "train_fraction": 0.5, "split_seed": 41, "weight_decay": 0.003},
        ),
        (f"{OWN} --dataset_noise 0.3", OWN_CONFIG | {"input_noise": 0.3}),
        (f"{OWN} --gamma 0.99", OWN_CONFIG | {"schedule": "exponential", "gamma": 0.99}),
        (
            "--modularity 6 2 2 --model modular --module-arch 3 5 7 1 --lr-module-input 0.2",
            {"graph": "6-2-2", "model": "modular", "arity": 3, "module_hidden": (5, 7)}
            | {"input_noise": 0, "lr_routing": 0.2},
        ),
        (OWN.replace("_", "-").replace("hierarchically-", "hierarchically_"), OWN_CONFIG),
    ],
)
def test_a_command_line_becomes_a_run(line, expected):
    runs, _ = planned(line)
    assert [run.final.to_dict() for run in runs] == [RunConfig(**expected).final.to_dict()]


@pytest.mark.parametrize(
    ("words", "name", "values"),
    [
        ("--seed 0:20", "seed", list(range(20))),
        ("--seed 3 1 2", "seed", [3, 1, 2]),
        ("--seed 0:10:4 1", "seed", [0, 4, 8, 1]),
        ("--dataset_split_seed 40:43", "split_seed", [40, 41, 42]),
        ("--train_rows 4 8 16", "train_rows", [4, 8, 16]),
        ("--dataset_split 0.5 0.8", "train_rows", [32, 51]),
    ],
)
def test_lists_and_ranges_are_a_run_each(words, name, values):
    runs, _ = planned(words)
    assert [getattr(run.final, name) for run in runs] == values


def test_axes_are_crossed():
    runs, _ = planned("--seed 0:3 --dataset-split-seed 40:45 --train-rows 4 8")
    points = {(run.seed, run.split_seed, run.train_rows) for run in runs}
    assert len(runs) == len(points) == 30


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--modularity 6 3 2", "unknown --modularity (graph) '6-3-2', did you mean '6-3-2-2'?"),
        (MLP.replace("--arch 6", "--arch 5"), "--arch=5 36 36 36 2: graph 6-3-2-2 has 6 inputs"),
        (f"{OWN} --arch 6 36 3", "allowed is 6 first, hidden widths, 2 last"),
        (f"{OWN} --known_module_input --num_modules 4 2", "--num_modules (slots)=(4, 2): with"),
        (OWN.replace("2 12 1", "4 12 1"), "--topk (arity)=4 needs at least 4 sources"),
        (f"{OWN} --topk 3", "--topk=3: --module_arch=2 12 1 has modules of 2 inputs; allowed is 2"),
        (OWN.replace("2 12 1", "2 12 2"), "--module_arch=2 12 2; allowed is inputs, hidden"),
        ("--modularity 6 2 --model modular --num_modules 3 2 --known_module_input",
         "--known_module_input (routing)='known': graph 6-2 has no structure"),
        ("--modularity 6 2 --model shared --num_slots 3 2 --known_module_locations "
         "--lr_module_input 0.1", "--known_module_locations (selection)='known': graph 6-2 has no"),
        ("--modularity 6 2 --model modular --lr_module_input 1", "graph 6-2 has no levels"),
        ("--dataset_split 0.001", "--dataset_split (train_fraction)=0.001 of 64 rows leaves no"),
        ("--dataset_split 1", "--dataset_split (train_fraction)=1.0; allowed is between 0 and 1"),
        ("--train_rows 64", "--train_rows=64 of 64 rows leaves no row to test on"),
        ("--train_rows 8 --dataset_split 0.5", "give exactly one of the two"),
        ("--pruning_ratio 100", "--pruning_ratio=100.0; allowed is in [0, 100), in percent"),
        ("--pruning_ratio -1e-3", "--pruning_ratio=-0.001; allowed is in [0, 100)"),
        ("--pruning_ratio nan", "--pruning_ratio=nan; allowed is a finite number"),
        (f"{OWN} --pruning_ratio 100", "--pruning_ratio=100.0; allowed is in [0, 100)"),
        ("--epochs 0", "--epochs=0; allowed is at least 1"),
        ("--epochs -5", "--epochs=-5; allowed is at least 1"),
        ("--batch_size 0", "--batch_size=0; allowed is at least 1"),
        (f"{OWN} --tau 0", "--tau (temperature)=0.0; allowed is above 0"),
        (f"{MLP} --tau -1", "--tau (temperature)=-1.0; allowed is above 0"),
        ("--lr -1", "--lr=-1.0; allowed is at least 0"),
        (OWN.replace("--lr_module_input 0.1", ""),
         "--lr_module_input (lr_routing) is not given: learned routing or outputs needs a rate"),
        (SHARED.replace("--lr_module_location 0.1", ""),
         "--lr_module_location (lr_selection) is not given: learned selection needs a rate"),
        (f"{OWN} --per_sample_routing", "--per_sample_routing: without --use_gumbel"),
        ("--modularty 6 3 2 2", "unknown flag '--modularty', did you mean '--modularity'?"),
        ("--batch-sise=8", "unknown flag '--batch_sise', did you mean '--batch_size'?"),
        ("--epoch 3", "unknown flag '--epoch', did you mean '--epochs'?"),
        ("--use_gumbel yes", "unexpected 'yes': it belongs to no flag"),
        ("--model mpl", "unknown --model 'mpl', did you mean 'mlp'?"),
        ("--optimizer adan", "unknown --optimizer 'adan', did you mean 'adam'?"),
        ("--experiment digits", "unknown --experiment 'digits'; allowed: generalization"),
        ("--num_tasks 4", "--num_tasks=4; allowed is 1 or 2 or 3"),
        ("--seed 5:5", "--seed: given '5:5'; allowed are whole numbers, or a range such as 0:20"),
        ("--seed 0:9:0", "--seed: given '0:9:0'"),
        ("--seed 1:x", "--seed: given '1:x'"),
        ("--seed -1", "--seed=-1; allowed is at least 0"),
        ("--seed 1.5", "--seed: given '1.5'; allowed"),
        ("--tau warm", "--tau: given 'warm'; allowed is a number"),
        ("--epochs 2.5", "--epochs: given '2.5'; allowed is a whole number"),
        ("--tau", "--tau: expected one argument"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_with_what_is_allowed(line, message, capsys, tmp_path):
    assert message in wrong_use(line, capsys)
    assert not list(tmp_path.iterdir())  # nothing was begun


def test_a_truth_table_of_ones_own_is_read_and_that_is_said(tmp_path):
    inputs = [f"{row:03b}" for row in range(8)]
    lines = [",".join([*bits, str(int(bits.count("1") == 2))]) for bits in inputs]
    (tmp_path / "3-2-1.csv").write_text("\n".join(lines))
    line = "--modularity 3 2 1 --model modular --lr_module_input 0.1 --dataset_path ."
    runs, remarks = planned(line)
    assert runs[0].final.slots == (2,)
    assert runs[0].graph.truth_table().ravel().tolist() == [0, 0, 0, 1, 0, 1, 1, 0]
    assert remarks[0] == (
        "truth table of 3-2-1 read from 3-2-1.csv: a function without known structure; 1 run"
    )
    with pytest.raises(ValueError, match="has no structure"):
        planned(f"{line} --known_module_input")


def test_a_pla_file_of_ones_own_is_read_with_its_dont_cares(tmp_path):
    text = ".i 3\n.o 1\n.ilb a b c\n.ob most\n11- 1\n1-1 1\n-11 1\n000 -\n.e\n"
    (tmp_path / "3-2-1.pla").write_text(text)
    runs, remarks = planned("--modularity 3 2 1 --model dense --dataset_path .")
    assert runs[0].graph.truth_table().ravel().tolist() == [2, 0, 0, 1, 0, 1, 1, 1]
    assert runs[0].graph.output_names == ("most",)
    assert remarks[0].startswith("truth table of 3-2-1 read from 3-2-1.pla: a function without")


def test_a_data_set_by_its_name_or_from_a_file(tmp_path, capsys):
    runs, remarks = planned("--data_set monks-1 --train_rows 124 --num_slots 8 4 --seed 0 1")
    assert [run.graph.name for run in runs] == ["monks-1"] * 2
    assert remarks[0] == "432 samples of monks-1 generated; 2 runs"
    (tmp_path / "mine.csv").write_text("color,y\nred,1\nblue,0\nred,1\n")
    runs, remarks = planned("--data_set mine.csv --train_rows 2")
    assert runs[0].graph.widths == (2, 1)
    assert remarks[0] == "3 samples read from mine.csv; 1 run"
    for line, message in (
        ("--data_set monks-9", "'monks-9', did you mean 'monks-3'?; allowed: monks-1"),
        ("--data_set monks-1 --modularity 6 3 2 2", "--modularity: with --data_set there is no"),
        ("--data_set monks-1 --num_tasks 2", "--num_tasks=2: with --data_set allowed is 1"),
        (
            "--data_set monks-1 --model modular --lr_module_input 0.1",
            "--num_modules (slots)=(): graph monks-1 has no levels to follow",
        ),
    ):
        assert message in wrong_use(line, capsys)


def test_a_faulty_truth_table_is_one_line(tmp_path, capsys):
    (tmp_path / "3-2-1.csv").write_text("0,0,0,1\n0,0,2,1\n")
    message = wrong_use("--modularity 3 2 1 --dataset_path .", capsys)
    assert "3-2-1.csv, line 2: entry '2'; allowed are 0 and 1" in message


@pytest.mark.parametrize(
    ("line", "unused"),
    [
        (MLP, []),
        (OWN, []),
        (SHARED, []),
        (f"{MLP} --topk 2 --known_module_input", ["--topk", "--known_module_input"]),
        (f"{OWN} --known_module_locations", ["--known_module_locations"]),
        (f"{OWN} --known_module_input --use_gumbel", ["--use_gumbel", "--lr_module_input"]),
        (f"{MLP} --seed 0 --weight_decay 0 --dataset_split 0.5", []),
    ],
)
def test_what_plays_no_part_is_said(line, unused):
    _, remarks = planned(line)
    said = re.findall(r"--\w+", " ".join(remarks[1:]))
    assert said == unused


def test_help_lists_every_setting_with_meaning_default_and_unit(capsys):
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert set(by_setting()) == {f.name for f in fields(RunConfig)} - {"options", "on_evaluation"}
    for flag in (flag for flags in FLAGS.values() for flag in flags):
        assert f"--{flag.name}" in text
        assert " ".join(flag.help.replace("%%", "%").split()) in text
        assert re.match(r"\w.{8}.*; default: \S", flag.help)
        if flag.setting:
            assert by_setting()[flag.setting] is flag
    for f in fields(RunConfig):
        if f.name in by_setting() and f.metadata["unit"]:
            assert f"unit: {f.metadata['unit']}" in by_setting()[f.name].help


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_without_a_command_help_is_printed(argv, capsys):
    assert main(argv) == 0
    assert "train" in capsys.readouterr().out


def test_an_unknown_command_gets_the_nearest(capsys):
    assert main(["trian"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "unknown command 'trian', did you mean 'train'?" in err


def short(line, seed="1:3"):
    return line.replace("--epochs 200", "--epochs 3").replace("--seed 1", f"--seed {seed}").split()


@pytest.mark.parametrize(
    ("line", "kind"),
    [(MLP, "sparse"), (OWN, "modular, learned"), (f"{SHARED} {KNOWN_BOTH}", "shared, known")],
)
def test_results_and_a_line_of_summary_are_left(line, kind, capsys, tmp_path):
    assert main(["train", *short(line)]) == 0
    out, err = capsys.readouterr()
    assert "truth table of 6-3-2-2 computed (no datasets/generalization/6-3-2-2.csv)" in err
    assert re.fullmatch(
        rf"{kind} on 6-3-2-2, 51 rows, 2 runs: solved \d/2, test bit accuracy [01]\.\d\d \(mean\), "
        r"\d+\.\d s -> results/generalization\n",
        out,
    )
    table = Store(tmp_path / "results" / "generalization").table()
    assert set(table["seed"]) == {1, 2}
    assert set(table["epoch"]) >= {3}


def test_the_next_call_does_only_what_is_new(capsys, tmp_path, monkeypatch):
    done = "2 runs: {} done, {} to do -> results/generalization\n"
    assert main(["train", *short(MLP), "--dry_run"]) == 0
    assert capsys.readouterr().out == done.format(0, 2)
    assert not list(tmp_path.iterdir())
    assert main(["train", *short(MLP, "1")]) == 0
    capsys.readouterr()
    assert main(["train", *short(MLP), "--dry_run"]) == 0
    assert capsys.readouterr().out == done.format(1, 1)


def test_a_result_folder_that_cannot_be_written_is_one_line(capsys, tmp_path):
    (tmp_path / "taken").write_text("kept")
    assert main(["train", *short(MLP), "--result_path", "taken"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "--result_path (store)='taken/generalization' cannot be written" in last
    assert (tmp_path / "taken").read_text() == "kept"


def test_a_closed_folder_in_which_all_is_done_is_summed_up(capsys, tmp_path, monkeypatch):
    assert main(["train", *short(MLP, "1")]) == 0
    told = capsys.readouterr().out.split(",")[:4]
    monkeypatch.setattr("modnets.commands.train.is_open", lambda folder: False)
    monkeypatch.setattr(Store, "check_writable", lambda store: pytest.fail("nothing is to do"))
    assert main(["train", *short(MLP, "1")]) == 0
    assert capsys.readouterr().out.split(",")[:4] == told
    assert main(["train", *short(MLP, "1"), "--dry_run"]) == 0
    capsys.readouterr()
    assert main(["train", *short(MLP, "2"), "--dry_run"]) == 2
    assert "is closed to you; allowed is a folder" in capsys.readouterr().err.splitlines()[-1]


def test_failed_runs_and_interruptions_have_their_exit_codes(capsys, monkeypatch):
    def failing(runs, **_):
        raise sweep.RunsFailed({run.key: (run, "Traceback: out of luck") for run in runs})

    def interrupted(runs, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "sweep", failing)
    assert main(["train", *short(MLP)]) == 1
    assert "out of luck" in capsys.readouterr().err
    monkeypatch.setattr(sweep, "sweep", interrupted)
    assert main(["train", *short(MLP)]) == 130
    assert "what is complete stays" in capsys.readouterr().err.splitlines()[-1]


def test_summary_has_a_line_for_each_number_of_rows():
    table = pd.DataFrame(
        {
            "run": ["a", "a", "b", "c"],
            "kind": "dense",
            "graph": "6-2-2",
            "train_rows": [8, 8, 8, 16],
            "epoch": [0, 9, 9, 9],
            "solved": [True, False, True, True],
            "test_bit_accuracy": [0.0, 0.5, 1.0, 0.75],
        }
    )
    assert summary(table, 1.26, Path("r")).splitlines() == [
        "dense on 6-2-2, 8 rows, 2 runs: solved 1/2, test bit accuracy 0.75 (mean)",
        "dense on 6-2-2, 16 rows, 1 run: solved 1/1, test bit accuracy 0.75 (mean)",
        "3 runs, 1.3 s -> r",
    ]

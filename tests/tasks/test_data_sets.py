"""Generated data sets against their rules, in literal loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import modnets as mn
from modnets.tasks.data_sets import DATA_SETS, MONKS_TRAIN_ROWS, monks, parity, tic_tac_toe
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.samples import Samples
from modnets.tasks.splits import split_rows


def literal_monk(problem: int, a: tuple[int, ...]) -> bool:
    """The rules as Thrun et al. (1991) state them, of attributes a1 to a6."""
    a1, a2, _, a4, a5, _ = a
    if problem == 1:
        return a1 == a2 or a5 == 1
    if problem == 2:
        return [value == 1 for value in a].count(True) == 2
    return (a5 == 3 and a4 == 1) or (a5 != 4 and a2 != 3)


def attributes(row: np.ndarray) -> tuple[int, ...]:
    """The attributes of a row of 17 bits; each has one value."""
    values, start = [], 0
    for n in (3, 3, 2, 3, 4, 2):
        bits = row[start : start + n].tolist()
        assert sum(bits) == 1
        values.append(bits.index(1) + 1)
        start += n
    assert start == len(row)
    return tuple(values)


@pytest.mark.parametrize(("problem", "ones"), [(1, 216), (2, 142), (3, 228)])
def test_all_432_rows_of_a_monks_problem(problem: int, ones: int) -> None:
    task = monks(problem, noise=0)
    rows = [attributes(row) for row in task.rows()]
    assert sorted(rows) == list(itertools.product(*(range(1, n + 1) for n in (3, 3, 2, 3, 4, 2))))
    assert task.targets().ravel().tolist() == [literal_monk(problem, row) for row in rows]
    assert (task.n_rows, task.targets().sum()) == (432, ones)
    assert task.input_labels[:4] == ("a1=1", "a1=2", "a1=3", "a2=1")


def test_noise_is_in_training_and_validation_alone() -> None:
    task, rule = monks(3), monks(3, noise=0)
    wrong = task.targets()[:432] != rule.targets()
    assert wrong.sum() == 22  # 5 % of 432
    split = split_rows(task, 122, 7)
    for part in (split.train, split.validation):
        assert (task.targets(part) != rule.targets(part)).any()
    np.testing.assert_array_equal(task.targets(split.test), rule.targets(split.test - 432))
    np.testing.assert_array_equal(task.rows(split.test), rule.rows(split.test - 432))
    other = monks(3, seed=1).targets()[:432] != rule.targets()
    assert other.sum() == 22
    assert (other != wrong).any()


@pytest.mark.parametrize("problem", [1, 2, 3])
def test_the_published_protocol(problem: int) -> None:
    """124, 169 or 122 training rows, all 432 for tests; noise in 5 % of the third's 122."""
    rule = monks(problem, noise=0)
    label = dict(zip(map(tuple, rule.rows()), rule.targets().ravel(), strict=True))
    task = monks(problem, test="all", seed=4)
    assert task.n_rows == MONKS_TRAIN_ROWS[problem - 1] == (124, 169, 122)[problem - 1]
    assert len({*map(tuple, task.rows()[: task.n_rows])}) == task.n_rows
    wrong = [y != label[tuple(x)] for x, y in zip(task.rows(), task.targets()[:, 0], strict=True)]
    assert sum(wrong) == (6 if problem == 3 else 0)
    assert not any(wrong[task.n_rows :])
    split = split_rows(task, task.n_rows, 0)
    np.testing.assert_array_equal(task.rows(split.test), rule.rows())


def test_tic_tac_toe_against_all_games() -> None:
    """Every game that can be played, move by move; 255,168 of them end on 958 boards."""
    task = tic_tac_toe()
    lines = [*np.arange(9).reshape(3, 3), *np.arange(9).reshape(3, 3).T, [0, 4, 8], [2, 4, 6]]

    def won(board: tuple[str, ...], mark: str) -> bool:
        return any(all(board[square] == mark for square in line) for line in lines)

    ends, level = {}, {("b",) * 9}
    for move in range(9):
        mark = "xo"[move % 2]
        after = {(*b[:s], mark, *b[s + 1 :]) for b in level for s in range(9) if b[s] == "b"}
        ends |= {board: won(board, "x") for board in after if won(board, mark) or move == 8}
        level = {board for board in after if not won(board, mark)}
    assert len(ends) == 958
    found = {}
    for row, (label,) in zip(task.rows().reshape(-1, 9, 3), task.targets(), strict=True):
        assert (row.sum(axis=1) == 1).all()
        found[tuple("xob"[mark] for mark in row.argmax(axis=1))] = bool(label)
    assert found == ends
    assert sum(found.values()) == 626
    assert task.output_labels == ("x wins",)


def test_parity_of_the_relevant_inputs() -> None:
    task = parity(3, 8, n_samples=501, seed=2)
    assert task.rows().shape == (501, 11)
    for row, (label,) in zip(task.rows().tolist(), task.targets().tolist(), strict=True):
        assert label == (row[0] + row[1] + row[2]) % 2
    assert abs(task.rows().mean() - 0.5) < 0.03
    assert task == parity(3, 8, n_samples=501, seed=2)
    assert task != parity(3, 8, n_samples=501, seed=3)


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_name_stands_for_it_wherever_a_graph_does(name: str) -> None:
    task = get_graph(name)
    assert isinstance(task, Samples)
    assert task.name == name
    assert get_graph(name) is task
    run = mn.RunConfig(graph=name, train_rows=100, epochs=2)
    assert mn.RunConfig.from_dict(run.to_dict()).key == run.key
    table = mn.sweep([run], store=None, progress=False)
    assert {*table["graph"]} == {name}
    assert mn.summarize(table)["floor"].tolist() == [mn.analysis.majority_floor(name)]


def test_names_of_parity() -> None:
    assert get_graph("parity-2-of-9").widths == (9, 1)
    assert get_graph("parity-5-of-20") == parity()
    for name in ("parity-0-of-9", "parity-9-of-8", "parity-2-of-1001", "parity-2", "monks-4"):
        with pytest.raises(ValueError, match=f"unknown graph '{name}'.* allowed: .*monks-1"):
            get_graph(name)


def test_other_settings_have_other_names() -> None:
    made = [monks(3), monks(3, 0.1), monks(3, seed=1), monks(3, test="all"), monks(1), monks(2)]
    made += [monks(1, test="all"), monks(1, test="all", seed=1), monks(1, 0.1), parity()]
    made += [parity(5, 15, 500), parity(5, 15, seed=1), parity(4, 16)]
    assert len({task.name for task in made}) == len(made)
    assert monks(1, seed=9) == monks(1)  # nothing is drawn


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: monks(4), "problem=4; allowed is 1 to 3"),
        (lambda: monks(3, 0.7), "noise=0.7; allowed is 0 to 0.5"),
        (lambda: monks(3, test="some"), "unknown test 'some'; allowed: unseen, all"),
        (lambda: parity(600, 600), "n_distractors=600; allowed are 1,000 inputs together"),
        (lambda: parity(0), "n_relevant=0; allowed is at least 1"),
    ],
)
def test_wrong_data_sets_are_refused_in_one_line(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()

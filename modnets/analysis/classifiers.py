"""Standard classifiers of scikit-learn, on the splits of runs and with their tuning budget.

A decision tree, gradient boosting and logistic regression, as references beside networks: fitted on
the training rows of a run's split, and scored like the run on validation and test rows.  Their
settings are selected as those of networks are, by :func:`~modnets.analysis.tuning.choose` on the
validation rows of a pilot; a classifier has four candidates.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, cast

import numpy as np
import pandas as pd

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.errors import one_of, require
from modnets.hardware import one_blas_thread
from modnets.tasks.task import Task
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.evaluation import MEASURES


def _grid(**settings: Sequence[Any]) -> tuple[dict[str, Any], ...]:
    return tuple(dict(zip(settings, point, strict=True)) for point in product(*settings.values()))


#: Classifier -> the settings that are tried, named as in scikit-learn.
CANDIDATES: dict[str, tuple[dict[str, Any], ...]] = {
    "decision tree": _grid(max_depth=[4, None], min_samples_leaf=[1, 4]),
    "gradient boosting": _grid(max_depth=[2, 4], learning_rate=[0.1, 0.3]),
    "logistic regression": _grid(C=[0.1, 1.0, 10.0, 100.0]),
}
#: Smallest probability in a loss, so that a tree that is sure and wrong has a finite one.
LEAST = 1e-7


@checked
def classify(
    runs: Iterable[RunConfig],
    classifiers: Sequence[str] = tuple(CANDIDATES),
    *,
    choices: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Results of classifiers on the splits of runs, in the columns of a sweep's results.

    Parameters
    ----------
    runs : iterable of RunConfig
        Their tasks, training rows and split seeds; each split is taken once, with the seed of the
        first run that has it.  What network they train plays no part.
    classifiers : sequence of str
        ``"decision tree"``, ``"gradient boosting"`` and ``"logistic regression"``.
    choices : DataFrame, optional
        What :func:`~modnets.analysis.choose` selects of ``"options"`` for each graph and kind;
        without it, all candidates are fitted.

    Returns
    -------
    DataFrame
        A row for each split and candidate of a classifier: ``run``, ``kind`` (the classifier),
        ``graph``, ``train_rows``, ``split_seed``, ``seed``, ``options`` (its settings, JSON),
        ``epoch`` (0), and the measures of a run: ``{train,validation,test}_{loss,bit_accuracy,
        row_accuracy}``, ``solved``.

    Raises
    ------
    ValueError
        If there is no such classifier, a task has images, or nothing was chosen for one.

    Examples
    --------
    >>> from modnets.config.grid import grid
    >>> table = classify(grid(graph="monks-1", train_rows=124, seeds=range(2)), ["decision tree"])
    >>> len(table), table["kind"].unique().tolist()
    (8, ['decision tree'])
    """
    for name in classifiers:
        one_of("classifier", name, CANDIDATES)
    chosen = None if choices is None else _chosen(choices)
    splits: dict[tuple[Any, ...], RunConfig] = {}
    for run in runs:
        splits.setdefault((run.graph, run.final.train_rows, run.split_seed), run)
    rows = []
    for run in splits.values():
        task = cast("Task", run.graph)
        require(task.images is None, f"graph={task} has images; allowed are tasks of bits")
        parts = {part: (task.rows(index), task.targets(index)) for part, index in run.split.items()}
        for name in classifiers:
            for options in _candidates(name, task.name, chosen):
                scores = _scores(name, options, run.seed, parts)
                settings = json.dumps(options)
                rows.append(
                    {"run": f"{task} {name} {settings} {run.final.train_rows} {run.split_seed}"}
                    | {"kind": name, "graph": task.name, "train_rows": run.final.train_rows}
                    | {"split_seed": run.split_seed, "seed": run.seed, "options": settings}
                    | {"epoch": 0}
                    | scores
                )
    return pd.DataFrame(rows)


def _chosen(choices: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    require_columns(choices, ["graph", "kind", "options"])
    columns = choices["graph"], choices["kind"], choices["options"]
    return {(g, k): json.loads(text) for g, k, text in zip(*columns, strict=True)}


def _candidates(
    name: str, graph: str, chosen: Mapping[tuple[str, str], dict[str, Any]] | None
) -> tuple[dict[str, Any], ...]:
    if chosen is None:
        return CANDIDATES[name]
    require((graph, name) in chosen, f"choices: nothing was chosen for {name} on {graph}")
    return (chosen[graph, name],)


def _scores(
    name: str,
    options: Mapping[str, Any],
    seed: int,
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, float | bool]:
    """The measures of a classifier for each output, on each part of a split."""
    x, y = (np.concatenate(arrays) for arrays in zip(*parts.values(), strict=True))
    train, targets = parts["train"]
    says = np.stack(
        [_probability(name, options, seed, train, column, x) for column in targets.T], axis=1
    )
    counts = y != DONT_CARE
    right = (says > 0.5) == (y == 1)
    kept = np.clip(np.where(y == 1, says, 1 - says), LEAST, None)
    scores: dict[str, float | bool] = {}
    starts = np.cumsum([0, *(len(rows) for rows, _ in parts.values())])
    for part, start, end in zip(parts, starts[:-1], starts[1:], strict=True):
        there, rows = counts[start:end], slice(start, end)
        values = -np.log(kept[rows])[there], right[rows][there], _rows_right(right, counts)[rows]
        scores |= {
            f"{part}_{measure}": float(np.mean(value)) if len(value) else np.nan
            for measure, value in zip(MEASURES, values, strict=True)
        }
    return scores | {"solved": bool(right[counts].all())}


def _rows_right(right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return (right | ~counts).all(axis=1)


def _probability(
    name: str,
    options: Mapping[str, Any],
    seed: int,
    x: np.ndarray,
    y: np.ndarray,
    unseen: np.ndarray,
) -> np.ndarray:
    """The probability of a 1 in each row; of a constant label in training, that label."""
    from sklearn import config_context
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    made: dict[str, Any] = {
        "decision tree": DecisionTreeClassifier,
        "gradient boosting": GradientBoostingClassifier,
        "logistic regression": LogisticRegression,
    }
    known = y != DONT_CARE
    labels = np.unique(y[known])
    if len(labels) < 2:  # none at all: 0
        return np.full(len(unseen), float(labels.sum()))
    more = {"max_iter": 1000} if name == "logistic regression" else {}
    model = made[name](**options, **more, random_state=seed)
    # Checks of each of the many trees, and threads for small products, take longer than the fits.
    unchecked = config_context(assume_finite=True, skip_parameter_validation=True)
    with unchecked, one_blas_thread():
        return model.fit(x[known], y[known]).predict_proba(unseen)[:, 1]

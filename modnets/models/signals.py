"""Signals and gates of the slots of one level, from their outputs and the signals they read."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from modnets.models.structures import NOTHING
from modnets.tasks.gate_names import NEVER, name_of

#: Range of a slot's output, as a share of its largest magnitude, below which it is constant.
CONSTANT = 1e-5
#: Smallest gap around 0, as a share of the range, for 0 to be the threshold of an output.
MIN_GAP = 0.1


@dataclass(frozen=True)
class LevelGateFits:
    """Gates of the slots of one level, of many runs.

    Parameters
    ----------
    values : ndarray, shape (run, slot, row)
        Outputs.
    signals : ndarray of bool, shape (run, slot, row)
        In normal form: 0 on the first row.
    tables : ndarray of {0, 1, NEVER}, shape (run, slot, combination)
    clarity : ndarray, shape (run, slot)
    faithful : ndarray of bool, shape (run, slot)
        As in :class:`~modnets.models.gate_fits.GateFit`.
    """

    values: np.ndarray
    signals: np.ndarray
    tables: np.ndarray
    clarity: np.ndarray
    faithful: np.ndarray

    def of(self, runs: np.ndarray) -> LevelGateFits:
        """Those of some of the runs."""
        return LevelGateFits(*(getattr(self, field.name)[runs] for field in fields(self)))

    @property
    def names(self) -> np.ndarray:
        """Name of each slot's gate, shape (run, slot).

        A gate whose table is FALSE while its signal varies, since no combination of inputs gives 1
        in most rows, is OTHER.
        """
        flat = self.tables.reshape(-1, self.tables.shape[-1])
        # A row of the table as one number, as np.unique sorts rows column by column.
        codes = (flat + 1) @ 3 ** np.arange(min(flat.shape[1], 39)) if flat.shape[1] <= 39 else None
        _, first, inverse = np.unique(
            flat if codes is None else codes,
            axis=0,
            return_index=True,
            return_inverse=True,
        )
        names = np.array([name_of(tuple(flat[one].tolist())) for one in first], dtype=object)
        named = names[inverse].reshape(self.tables.shape[:-1])
        varies = self.signals.any(axis=2) & (named == "FALSE")
        return np.where(varies, "OTHER", named)


def read_signals(
    values: np.ndarray,
    sources: np.ndarray,
    is_output: np.ndarray | None = None,
    cuts: np.ndarray | None = None,
) -> LevelGateFits:
    """Signals and gates of slots from their outputs and the signals that they read.

    Parameters
    ----------
    values : ndarray, shape (run, slot, row)
    sources : ndarray of bool, shape (run, slot, position, row)
        Signals of what each input reads.
    is_output : ndarray of bool, shape (run, slot), optional
        Slots whose output is a logit; by default none.
    cuts : ndarray, shape (run, slot, threshold), optional
        Thresholds, at each of which the bit flips; padded with NaN.  The threshold of a slot
        without any is determined here.
    """
    low, high = values.min(axis=2), values.max(axis=2)
    spread = high - low
    constant = ~(spread > CONSTANT * np.maximum(np.abs(low), np.abs(high)))  # of NaN too
    cut = (low + high) / 2
    if is_output is not None:
        positive = values > 0
        above = _least(values, positive)
        under = -_least(-values, ~positive)
        apart = above - under > MIN_GAP * spread  # not where either is missing
        cut = np.where(is_output & apart & np.isfinite(above - under), np.zeros_like(cut), cut)
    bits = values > cut[..., None]
    has_cuts = np.zeros_like(constant)
    if cuts is not None:
        has_cuts = ~np.isnan(cuts).all(axis=2)
        by_cuts = (values[..., None] > cuts[:, :, None]).sum(axis=3) % 2 == 1
        bits = np.where(has_cuts[..., None], by_cuts, bits)
    flipped = bits[..., :1]
    signals = (bits != flipped) & ~(constant & ~has_cuts)[..., None]
    upright = np.where(flipped, -values, values)
    tables, faithful, bottom, top = _tables(signals, upright, sources)
    with np.errstate(invalid="ignore", divide="ignore"):
        clarity = np.clip(np.where(constant, 1.0, (bottom - top) / spread), 0.0, 1.0)
    clarity = np.nan_to_num(clarity)
    if cuts is not None and has_cuts.any():
        clarity[has_cuts] = _gaps(values[has_cuts], signals[has_cuts], cuts[has_cuts])
    return LevelGateFits(values, signals, tables, clarity, faithful)


def _gaps(values: np.ndarray, signals: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Gap between values of different bits, as a share of the range; shape (slot,).

    Of a slot that stays on one side of its threshold, the distance to it as a share of the largest
    distance: a constant is clear if its values are all about as far from the threshold.

    Parameters
    ----------
    values : ndarray, shape (slot, row)
    signals : ndarray of bool, shape (slot, row)
    cuts : ndarray, shape (slot, threshold)
    """
    order = np.argsort(values, axis=1)
    values, signals = (np.take_along_axis(array, order, axis=1) for array in (values, signals))
    turns = signals[:, 1:] != signals[:, :-1]
    gap = np.where(turns, np.diff(values, axis=1), np.inf).min(axis=1)
    spread = values[:, -1] - values[:, 0]
    away = np.abs(values - cuts[:, :1])
    one_sided = ~turns.any(axis=1)
    gap = np.where(one_sided, away.min(axis=1), gap)
    spread = np.where(one_sided, away.max(axis=1), spread)
    return np.where(spread > 0, gap / np.where(spread > 0, spread, 1.0), 1.0)


def apply(tables: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outputs of gates, and whether their tables define them; each (run, slot, row)."""
    code = _codes(sources)
    bits, defined = np.zeros((2, *code.shape), dtype=bool)
    for combination in range(tables.shape[-1]):
        met, entry = code == combination, tables[..., combination, None]
        bits |= met & (entry == 1)
        defined |= met & (entry != NEVER)
    return bits, defined


def _codes(sources: np.ndarray) -> np.ndarray:
    """The bits that each slot reads as one number, shape (run, slot, row)."""
    arity = sources.shape[2]
    code = np.zeros(sources[:, :, 0].shape, dtype=np.min_scalar_type(2**arity - 1))
    for position in range(arity):
        code = (code << 1) | sources[:, :, position]
    return code


def _tables(
    signals: np.ndarray, values: np.ndarray, sources: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gate tables, whether they give the signals, and the limits of the outputs.

    The limits are the smallest output that is read as 1, and the largest that is read as 0.
    """
    code, n_combinations = _codes(sources), 2 ** sources.shape[2]
    tables = np.empty((*code.shape[:2], n_combinations), dtype=np.int8)
    faithful = np.ones(code.shape[:2], dtype=bool)
    bottom = np.full(code.shape[:2], np.inf, dtype=values.dtype)
    top, negative = -bottom, -values
    for combination in range(n_combinations):
        met = code == combination
        count, ones = met.sum(axis=2), (met & signals).sum(axis=2)
        one = 2 * ones > count
        tables[..., combination] = np.where(count == 0, NEVER, one)
        faithful &= ones == np.where(one, count, 0)
        least, most = _least(values, met), -_least(negative, met)
        bottom = np.where(one, np.minimum(bottom, least), bottom)
        top = np.where(one, top, np.maximum(top, most))
    bottom = np.where(np.isfinite(bottom), bottom, -np.inf)  # no combination is read as 1
    return tables, faithful, bottom, top


def _least(values: np.ndarray, met: np.ndarray) -> np.ndarray:
    """The smallest value of those that are met, infinity if none is; shape (run, slot).

    As the minimum of ``np.where``, several times as fast.
    """
    outside = np.subtract(0.5, met, dtype=values.dtype)
    outside *= np.inf  # -infinity where it is met
    return np.maximum(values, outside, out=outside).min(axis=2)


def gather(below: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """The inputs of each slot, shape (run, slot, position, row); zero where it reads nothing."""
    read = below[np.arange(len(below))[:, None, None], sources]
    nothing = sources == NOTHING
    if nothing.any():
        read[nothing] = 0
    return read

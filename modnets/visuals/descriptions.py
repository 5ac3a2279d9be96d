"""Descriptions shown on hover, and formulas of gates."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modnets.terms import TERMS

SLOTS = {
    "modular": f"modular: {TERMS['own modules'].text}",
    "shared": f"shared: {TERMS['shared modules'].text}",
}
CONNECTIONS = {
    "known": "known: what each slot reads is given, as in the task's graph",
    "learned": "learned: what each slot reads is found in training",
}
#: Column of a table of gates or probes -> its description.
COLUMNS = {
    "slot": "s1.0 is the first slot of level 1, which reads inputs; every slot gives one signal",
    "module": "the small network that fills the slot; of a shared pool a letter, the same letter "
    "being the same module",
    "reads": "inputs (x0, x1, ...) or signals of slots below that the slot reads, in order",
    "computes": "the gate read off the outputs for all inputs that are met; = x0 passes a signal "
    "on, ¬ is not, ∧ and, ∨ or",
    "clarity": TERMS["clarity"].text,
    "true part": "the sub-function of the task that this slot stands for",
    "of the task": "where in the task's graph the sub-function stands; level 1 reads inputs",
    "part": "a sub-function of the task: a gate, and what it reads in the level below",
    "readable": "balanced accuracy of a linear probe on rows left out; 50 % is chance",
    "best in": "the hidden layer in which the part can be read best",
}
#: Gates whose name is no plain formula; ``{0}`` and ``{1}`` are what they read.
FORMULAS = {
    "NIMPLY": "{0}∧¬{1}",
    "CNIMPLY": "¬{0}∧{1}",
    "IMPLY": "¬{0}∨{1}",
    "CIMPLY": "{0}∨¬{1}",
    "FALSE": "always 0",
    "TRUE": "always 1",
    "OTHER": "another gate",
}


def describe_kind(kind: str) -> str:
    """The description of a kind of network.

    Parameters
    ----------
    kind : str
        As ``RunConfig.kind`` spells it.
    """
    model, _, rest = kind.partition(", ")
    if kind == "dense":
        return f"dense: {TERMS['dense'].text}"
    if kind.split(" ")[0] == "sparse":
        share = kind.partition(" ")[2] or "half"
        return f"sparse: a multilayer perceptron, {share} of its weights absent from the start"
    if model not in SLOTS or not rest:
        return f"{kind}: a model of your own"
    rest, _, method = rest.removesuffix(")").partition(" (")
    known = rest.removeprefix("known ")
    connections = CONNECTIONS.get(rest, f"known: the {known}; the rest is learned")
    return f"{SLOTS[model]}; {connections}" + (f", by routing method {method!r}" * bool(method))


def gate_formula(gate: str, reads: Sequence[str]) -> str:
    """The formula of a gate; for one that passes a signal on, the signal and not its letter.

    Parameters
    ----------
    gate : str
        Its name in :class:`~modnets.models.gate_fits.GateFit`.
    reads : sequence of str
        Names of what it reads, in order.

    Examples
    --------
    >>> [gate_formula(gate, ["x3", "x1"]) for gate in ("A", "NOT_B", "XOR")]
    ['= x3', '= ¬x1', 'XOR']
    """
    match = re.fullmatch(r"(NOT_)?([A-Z])", gate)
    if match:
        index = ord(match[2]) - ord("A")
        return f"= {'¬' if match[1] else ''}{reads[index]}"
    return FORMULAS.get(gate, gate).format(*reads)


def sub_function_formula(sub_function: str) -> str:
    """A sub-function of a task, as ``"AND 0 1"``; one that passes a signal on as ``"= 0"``."""
    gate, *inputs = sub_function.split()
    formula = gate_formula(gate, inputs)
    return sub_function if formula == gate else formula

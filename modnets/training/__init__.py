"""A chunk of runs side by side: steps, optimizers, random streams, evaluation, the engine."""

"""Trains chunks of runs: steps, optimizers, random streams, evaluation, the engine."""

"""Many networks at once: configs, the engine, sweeps, the store."""

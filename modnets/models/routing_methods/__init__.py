"""Ways to learn routing, selection and outputs: the published one, and others by name."""

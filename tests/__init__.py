"""All tests. The tree below `unit` and `integration` mirrors the code's."""

TIMEOUT = 15.0
"""Seconds after which a test gives up on something that should happen at once. Other waits are multiples of it."""

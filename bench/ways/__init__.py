"""The ways to put a model's tokens on a socket, as the load sees them: start, connect, ask, and what has arrived."""

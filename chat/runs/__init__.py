"""Runs in flight: `supervisor` owns their tasks, `flusher` writes what they say, `log` keeps it, `recovery` ends what an
earlier process left behind.
"""

"""Runs in flight: `supervisor` owns their tasks, `flusher` writes what they say, `log` keeps it, `ending` says how they
end, `recovery` ends what an earlier process left behind, `lock` keeps a second process away.
"""

"""Sockets: `socket` takes commands, `writer` sends frames, `flow` holds back for a slow reader."""

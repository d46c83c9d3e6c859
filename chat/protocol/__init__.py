"""The wire: commands in, frames and events out, the codes of both.

Pure values. Nothing here knows Django or asyncio, opens a file or reads a clock, so all of it is tested without a loop
and any client may be written against it. Read `commands` (what a client says), `frames` (what a server answers),
`objects` (what both talk about), `events` (what a run says, in AG-UI's words), `transcript` (a run's events, as text).
"""

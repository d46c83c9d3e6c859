"""What an earlier process left behind: its running runs are sealed, folded into their messages, and ended.

Only for a process that is the only one (the embedded default): whatever is `running` when it starts has no task.
"""

from __future__ import annotations

import logging

import msgspec

from chat import selectors
from chat.database import in_database
from chat.protocol.transcript import Transcript, entry
from chat.runs.ending import interrupted
from chat.runs.log import Append, RunLog
from chat.services.runs import finish_run, seal_run

logger = logging.getLogger(__name__)


async def end_orphans(log: RunLog) -> int:
    """End every running run as `interrupted` with all that its log has; returns how many. Raises `Unavailable`."""
    ended = 0
    for orphan in await in_database(selectors.running_runs):
        token = await in_database(seal_run, run_id=orphan.run, token=orphan.token)
        if token is None:
            continue
        transcript = Transcript()
        for data in await log.read(orphan.run):
            try:
                transcript.append_json(data)
            except msgspec.MsgspecError:
                logger.exception("run %s: event %d of its log is not readable", orphan.run, transcript.seq + 1)
                break
        ending = interrupted("The server stopped in the middle of this reply. What was written is kept.")
        last_seq = transcript.seq + 1
        if await in_database(
            finish_run,
            run_id=orphan.run,
            token=token,
            status=ending.status,
            parts=transcript.parts(),
            last_seq=last_seq,
            error=ending.error,
        ):
            event = entry(ending.event(str(orphan.chat), str(orphan.run))).json()
            await log.append([Append(orphan.run, token, transcript.seq, [event])])
            ended += 1
    return ended

"""What a dead or sleeping process left behind: its running runs are sealed, folded into their messages, and ended.

A process that is alone does it when it starts; among several, `heartbeat` finds out who is gone.
"""

from __future__ import annotations

import logging
from uuid import UUID

import msgspec

from chat import selectors
from chat.database import in_database
from chat.protocol.codes import ChatError
from chat.protocol.transcript import Transcript, entry
from chat.runs.ending import interrupted
from chat.runs.log import Append, RunLog
from chat.services.runs import finish_run, seal_run

logger = logging.getLogger(__name__)


async def end_orphans(log: RunLog, worker_id: UUID) -> None:
    """For a process that is alone: end every running run. Raises `Unavailable`."""
    orphans = await in_database(selectors.running_runs)
    for orphan in orphans:
        try:
            await end_orphan(log, worker_id, orphan)
        except ChatError:
            raise
        except Exception:
            # One that cannot be ended must not keep the service from all others.
            ids = {"run": orphan.run, "chat": orphan.chat}
            logger.exception("run %s of an earlier process could not be ended", orphan.run, extra=ids)
    if orphans:
        logger.warning("%d replies of an earlier process were cut off; what they had said is kept", len(orphans))


async def end_orphan(log: RunLog, worker_id: UUID, orphan: selectors.Orphan) -> bool:
    """Take a run from whoever owned it and end it as `interrupted`, with all that its log has and so with all that
    anyone was shown. Of many who try, one does it; whether it was this call. Raises `Unavailable`: try again."""
    token = await in_database(seal_run, run_id=orphan.run, token=orphan.token, worker_id=worker_id)
    if token is None:
        return False
    await log.seal(orphan.run, token)
    return await fold(log, selectors.Orphan(orphan.run, orphan.chat, token))


async def fold(log: RunLog, orphan: selectors.Orphan) -> bool:
    """End a run whose token is ours and which has no task, with what its log has. Raises `Unavailable`: try again."""
    transcript = Transcript()
    for data in await log.read(orphan.run):
        try:
            transcript.append_json(data)
        except msgspec.MsgspecError:
            ids = {"run": orphan.run, "chat": orphan.chat}
            logger.exception("run %s: event %d of its log is not readable", orphan.run, transcript.seq + 1, extra=ids)
            break
    ending = interrupted("The server stopped in the middle of this reply. What was written is kept.")
    last_seq = transcript.seq + 1
    if await in_database(
        finish_run,
        run_id=orphan.run,
        chat_id=orphan.chat,
        token=orphan.token,
        status=ending.status,
        parts=transcript.parts(),
        last_seq=last_seq,
        error=ending.error,
    ):
        event = entry(ending.event(str(orphan.chat), str(orphan.run))).json()
        await log.append([Append(orphan.run, orphan.token, transcript.seq, [event])])
        await log.expire([orphan.run])
        return True
    return False

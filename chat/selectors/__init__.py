"""All reads, each with its permission check, as the wire's objects. No read grows with the length of a chat or the
number of a person's chats: pages are cut by count and by size, changes come by version.

Reads take no transaction (on SQLite it would take the write lock). Where several rows must agree, the version is read
before all others and once more with the last or after it, and all of it again if it moved.
"""

from chat.selectors.chats import (
    ChatChange,
    Snapshot,
    chat_change,
    chat_for,
    message_for,
    message_page,
    require_member,
    snapshot,
    versions,
)
from chat.selectors.lists import ListChange, chat_page, list_change, list_versions
from chat.selectors.questions import Question, Said, question
from chat.selectors.rows import PAGE, clipped
from chat.selectors.runs import (
    Orphan,
    OwnRun,
    is_oldest_worker,
    owns_run,
    resumable_runs,
    running_runs,
    runs_of,
    runs_of_worker,
    stale_runs,
)

__all__ = [
    "PAGE",
    "ChatChange",
    "ListChange",
    "Orphan",
    "OwnRun",
    "Question",
    "Said",
    "Snapshot",
    "chat_change",
    "chat_for",
    "chat_page",
    "clipped",
    "is_oldest_worker",
    "list_change",
    "list_versions",
    "message_for",
    "message_page",
    "owns_run",
    "question",
    "require_member",
    "resumable_runs",
    "running_runs",
    "runs_of",
    "runs_of_worker",
    "snapshot",
    "stale_runs",
    "versions",
]

"""Every way in which Polylogue says no: one error tree, and the close codes of the socket.

    ChatError                       a code, a sentence, perhaps a delay
    ├── InvalidCommand              the frame or the field is wrong; sending it again will not help
    │   ├── InvalidJson             not one JSON object
    │   ├── FrameTooLarge           over 64 KiB
    │   └── TextFramesOnly          a binary frame
    ├── NotFound                    no such thing, or not yours: the two look the same
    ├── ChatBusy                    a reply is being written in this chat
    ├── EmptyText, TextTooLong      what a message may hold
    ├── UnknownAgent                no agent of that name
    ├── NotAllowed                  you may see it but not do that
    ├── TooManyChats, TooManyRequests   a limit of this person or socket
    ├── Draining                    this server is going away; the same command elsewhere will do
    ├── NeedsAsgi                   this process runs under WSGI
    └── Unavailable                 something of ours is down; it may have been done all the same

A subclass's docstring is its default sentence for people. `code` is what programs look at, and never changes.
"""

from __future__ import annotations

from typing import ClassVar


class ChatError(Exception):
    """Something went wrong on our side. Nothing was changed; please try again."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    """The HTTP status that says the same over `/api/`."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        """`message`: a sentence for people, the class's own when empty. `retry_after`: seconds, where waiting helps."""
        self.message = message or (type(self).__doc__ or "").strip()
        self.retry_after = retry_after
        super().__init__(self.message)


class InvalidCommand(ChatError):
    """This command is not understood. Check its type and its fields."""

    code = "invalid_command"
    status = 400


class InvalidJson(InvalidCommand):
    """A frame must be one JSON object in UTF-8, without NaN or lone surrogates."""

    code = "invalid_json"


class FrameTooLarge(InvalidCommand):
    """A frame may have 64 KiB at most. Send a longer message by HTTP: POST /api/chats/{chat}/messages."""

    code = "frame_too_large"
    status = 413


class TextFramesOnly(InvalidCommand):
    """This socket speaks JSON in text frames; binary frames are not read."""

    code = "text_frames_only"


class NotFound(ChatError):
    """There is no such chat, message or run here."""

    code = "not_found"
    status = 404


class ChatBusy(ChatError):
    """A reply is still being written in this chat. Stop it, or wait for its end, and send again."""

    code = "chat_busy"
    status = 409


class EmptyText(ChatError):
    """There is nothing in this message. Write something and send again."""

    code = "text_empty"
    status = 422


class TextTooLong(ChatError):
    """This message is too long for the socket (48 KiB). By HTTP, POST /api/chats/{chat}/messages takes 1 MiB."""

    code = "text_too_long"
    status = 413


class UnknownAgent(ChatError):
    """There is no agent of that name. Choose one of those in `hello`."""

    code = "unknown_agent"
    status = 422


class NotAllowed(ChatError):
    """You may not do this here."""

    code = "not_allowed"
    status = 403


class TooManyChats(ChatError):
    """Too many chats are open on this connection. Close one first."""

    code = "too_many_chats"
    status = 429


class TooManyRequests(ChatError):
    """That was too much at once. Wait a moment and try again."""

    code = "too_many_requests"
    status = 429


class Draining(ChatError):
    """This server is restarting. Send the same message again in a moment: it is posted once."""

    code = "draining"
    status = 503


class Unavailable(ChatError):
    """The database does not answer just now. Try again in a moment; nothing is done twice."""

    code = "unavailable"
    status = 503


class NeedsAsgi(ChatError):
    """This server only shows pages; it cannot stream. Start `manage.py serve`, or any ASGI server."""

    code = "needs_asgi"
    status = 503


class Close:
    """WebSocket close codes. A client reconnects, with jitter and backoff, after every one but 4400 and 4403; after
    4401 it asks `/api/me` once first. Daphne can send only 1000 and 3000-4999.
    """

    PROTOCOL = 4400
    """Not this protocol: a client that goes on will be closed again."""
    SIGNED_OUT = 4401
    """The session ended. If `/api/me` still knows you (a new session key), reconnect."""
    NOT_ALLOWED = 4403
    TOO_SLOW = 4408
    """Frames were not acknowledged with `received` for 30 seconds. Everything can be resumed."""
    TOO_MANY = 4429
    """Too many sockets of one person, commands that wait (32), or answers that are not read (128)."""
    GOING_AWAY = 4503
    """The server restarts; runs go on elsewhere or are kept."""

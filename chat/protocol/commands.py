"""What a client says. `decode` turns a frame into one of these or raises the error that answers it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from chat.protocol.codes import FrameTooLarge, InvalidCommand, InvalidJson

MAX_FRAME = 64 * 1024
"""Bytes of UTF-8 in one frame from a client."""
MAX_ID = 64
"""Characters of an id that a client chooses, and of an agent's name."""
MAX_TEXT = 48 * 1024
"""Bytes of UTF-8 in a message sent over the socket."""
MAX_TEXT_HTTP = 1024 * 1024
"""Bytes of UTF-8 in a message sent by HTTP."""
MAX_QUOTED = 200
"""Characters of a reader's complaint that an error repeats."""

CommandId = Annotated[
    str, Meta(min_length=1, max_length=MAX_ID, description="Chosen by the client; the answer carries it.")
]
ClientId = Annotated[
    str,
    Meta(
        min_length=1, max_length=MAX_ID, description="Chosen by the client once per thing made: a repeat makes nothing."
    ),
]
AgentName = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]


class _Command(msgspec.Struct, tag_field="type", forbid_unknown_fields=True):
    pass


class ChatCreate(_Command, tag="chat.create"):
    """Make a chat. `ack.chat` is the chat; the same `client_id` again gets the same chat."""

    id: CommandId
    client_id: ClientId
    title: Annotated[str, Meta(max_length=200)] | None = None
    agent: AgentName | None = None


class ChatOpen(_Command, tag="chat.open"):
    """Follow a chat. With `version` (and `runs`, the last `seq` seen of each live run) only what was missed follows,
    and `ack.resumed` is true; otherwise, or where that cannot be had whole, a snapshot follows.
    """

    id: CommandId
    chat: UUID
    version: int | None = None
    runs: Annotated[dict[UUID, int], Meta(max_length=MAX_ID)] = {}


class ChatClose(_Command, tag="chat.close"):
    """Stop following a chat. Nothing of it is sent after the ack."""

    id: CommandId
    chat: UUID


class MessageSend(_Command, tag="message.send"):
    """Post a message and start the run that answers it. The ack has the ids; a repeated `client_id` gets the same."""

    id: CommandId
    chat: UUID
    text: str
    client_id: ClientId
    agent: AgentName | None = None


class MessageEdit(_Command, tag="message.edit"):
    """Say something else instead of an own message: the new one is shown in its place, with a reply of its own; the old
    branch stays. The ack has the ids; a repeated `client_id` gets the same. Busy chats refuse."""

    id: CommandId
    chat: UUID
    message: UUID
    text: str
    client_id: ClientId
    agent: AgentName | None = None


class MessageRetry(_Command, tag="message.retry"):
    """Ask for another reply beside this one, which stays in its branch. The ack is as for `message.send`."""

    id: CommandId
    chat: UUID
    message: UUID
    """The reply."""
    client_id: ClientId
    agent: AgentName | None = None


class MessageContinue(_Command, tag="message.continue"):
    """Let the last reply go on, where it was stopped or broke off. The ack is as for `message.send`."""

    id: CommandId
    chat: UUID
    message: UUID
    """The reply."""
    client_id: ClientId
    agent: AgentName | None = None


class MessageChoose(_Command, tag="message.choose"):
    """Show this one of a message's `siblings`, and what followed it, to everyone who has the chat open."""

    id: CommandId
    chat: UUID
    message: UUID


class RunStop(_Command, tag="run.stop"):
    """Stop a run; what it has said stays. The ack says that the wish is recorded, also for a run that has ended."""

    id: CommandId
    run: UUID


class Received(_Command, tag="received"):
    """How many frames this client has handled on this socket, `hello` included. No answer. Say so every 64 KiB:
    a server holds back what follows 256 KiB of frames that nobody confirmed, and closes after 30 s of that (4408).
    """

    count: Annotated[int, Meta(ge=0)]


Command = (
    ChatCreate
    | ChatOpen
    | ChatClose
    | MessageSend
    | MessageEdit
    | MessageRetry
    | MessageContinue
    | MessageChoose
    | RunStop
    | Received
)


class _Id(msgspec.Struct):
    id: str = ""


_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_id_decoder = msgspec.json.Decoder(_Id)


def decode(frame: str) -> Command:
    """Read one text frame.

    Raises `FrameTooLarge` over 64 KiB of UTF-8, `InvalidJson` for what is no JSON, `InvalidCommand` for JSON that is no
    command; `command_id` finds the id to answer to. Lone surrogates are refused by the JSON reader; NUL is refused
    here, in any text, because no database keeps it.
    """
    try:
        data = frame.encode()
    except UnicodeEncodeError as error:
        raise InvalidJson from error
    if len(data) > MAX_FRAME:
        raise FrameTooLarge
    try:
        command = _decoder.decode(data)
    except msgspec.ValidationError as error:
        # It may quote a field's name, which may be as long as the frame.
        raise InvalidCommand(f"This command is not understood: {str(error)[:MAX_QUOTED]}.") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJson from error
    if b"\\u0000" in data and has_nul(command):
        raise InvalidCommand("A text may not hold the character NUL (U+0000). Remove it and send again.")
    return command


def has_nul(struct: msgspec.Struct) -> bool:
    """Whether a text field holds NUL, which no database keeps."""
    return any("\x00" in value for value in msgspec.structs.astuple(struct) if isinstance(value, str))


def command_id(frame: str) -> str | None:
    """The `id` of a frame that could not be decoded, where it has a usable one: so that its error can be matched."""
    try:
        found = _id_decoder.decode(frame).id
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return found if 0 < len(found) <= MAX_ID else None

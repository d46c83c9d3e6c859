"""The wire as an AsyncAPI 3 document, made from the types: `manage.py schema` writes it to docs/asyncapi.json."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import msgspec

from chat.protocol.codes import ChatError, Close
from chat.protocol.commands import Command
from chat.protocol.events import AnyEvent
from chat.protocol.frames import PROTOCOL, Frame

_REF = "#/components/schemas/{name}"
_ABOUT = (
    "One WebSocket, JSON text frames, one object each. Every command but `received` carries an `id` and gets one "
    "`ack` or `error` with it. Clients ignore frame types and fields that they do not know; the server refuses unknown "
    "ones. Sizes are bytes of UTF-8."
)


def document() -> dict[str, Any]:
    """The document as plain values, the same for the same types."""
    kinds: list[type] = [*get_args(Command), *get_args(Frame), *get_args(AnyEvent)]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    # Events inside a frame are already encoded, so their types cannot be read off it.
    schemas["RunEvents"]["properties"]["events"]["items"] = {
        "anyOf": [{"$ref": _REF.format(name=kind.__name__)} for kind in get_args(AnyEvent)]
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Polylogue",
            "version": str(PROTOCOL),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/ws/",
                "description": _closing(),
                "messages": {kind.__name__: _message_ref(kind) for kind in [*get_args(Command), *get_args(Frame)]},
            }
        },
        "operations": {
            "command": _operation("receive", "What a client says.", get_args(Command)),
            "frame": _operation("send", "What a server says.", get_args(Frame)),
        },
        "components": {
            "messages": {
                kind.__name__: {
                    "name": kind.__struct_config__.tag,
                    "summary": inspect.getdoc(kind) or "",
                    "payload": {"$ref": _REF.format(name=kind.__name__)},
                }
                for kind in [*get_args(Command), *get_args(Frame)]
            },
            "schemas": schemas,
        },
        "x-errors": {
            kind.code: {"message": (kind.__doc__ or "").strip(), "httpStatus": kind.status}
            for kind in sorted(_tree(ChatError), key=lambda kind: kind.code)
        },
    }


def _message_ref(kind: type) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{kind.__name__}"}


def _operation(action: str, summary: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/socket"},
        "messages": [{"$ref": f"#/channels/socket/messages/{kind.__name__}"} for kind in kinds],
    }


def _tree(kind: type[ChatError]) -> list[type[ChatError]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in _tree(sub))]


def _closing() -> str:
    codes = ", ".join(
        f"{code} {name.lower().replace('_', ' ')}" for name, code in vars(Close).items() if name.isupper()
    )
    return f"{inspect.getdoc(Close)} Codes: {codes}."

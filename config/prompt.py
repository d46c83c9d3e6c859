"""Frames that leave at once.

A frame that daphne sends goes through Autobahn to Twisted, which puts it aside, asks the event loop to say when the
socket can take it, and sends it a turn of the loop later. A socket whose reader keeps up can always take it.
"""

from __future__ import annotations

from daphne.ws_protocol import WebSocketProtocol

SHORT = 125
MEDIUM = 0xFFFF
"""Bytes of a payload whose length is told in one byte, and in two."""


class PromptWebSocket(WebSocketProtocol):
    """Daphne's protocol, sending at once what can be sent at once."""

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802  # daphne's
        """Send one message.

        A text of a usual size is framed here, as RFC 6455 (section 5.2) says for a server: on the way through Autobahn
        it would be asked for masks, fragments, compression and logs, none of which there are (5 µs).
        """
        if isinstance(content, bytes) or self.state != self.STATE_OPEN or self._perMessageCompress is not None:
            super().serverSend(content, binary)
            return
        payload = content.encode()
        if len(payload) <= SHORT:
            self.sendData(b"\x81%c%b" % (len(payload), payload))
        elif len(payload) <= MEDIUM:
            self.sendData(b"\x81\x7e%b%b" % (len(payload).to_bytes(2), payload))
        else:
            super().serverSend(content, binary)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802  # Autobahn's
        """Send bytes that are framed already.

        Leaves out what Autobahn does after each: paint a line for its log, also where nobody logs (4 µs), and count
        octets that nobody reads.
        """
        transport = self.transport
        queued = self.send_queue or transport.dataBuffer or transport._tempDataLen  # noqa: SLF001  # nothing else tells
        if self.state != self.STATE_OPEN or sync or chopsize or queued or transport.TLS or transport.disconnecting:
            super().sendData(data, sync, chopsize)
            return
        sent = transport.writeSomeData(data)
        if sent == len(data):
            return
        # The event loop sends the rest when the socket takes it, and finds out what is wrong where nothing was taken.
        transport.write(data if isinstance(sent, Exception) else data[sent:])

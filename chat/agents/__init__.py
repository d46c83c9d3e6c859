"""Who answers. Agents know nothing of Django: an agent is an async generator of AG-UI events.

`base` says what an agent is. `openai_chat` speaks to any OpenAI-compatible server: `body` brings the bytes, `sse` and
`completion` read them, `failures` words what goes wrong. `scripted` needs no network. `registry` makes the agents that
the settings name, `titles` asks one to name a chat, `local_model` serves the small built-in model.
"""

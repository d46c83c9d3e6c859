"""Who answers. Agents know nothing of Django: an agent is an async generator of AG-UI events.

`base` says what an agent is. `openai_chat` speaks to any OpenAI-compatible server, reads its stream by `completion` and
`sse`, and words its errors by `failures`; `scripted` needs no network; `registry` makes the agents that the settings
name; `titles` asks one to name a chat; `local_model` serves the small built-in model.
"""

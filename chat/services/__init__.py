"""All writes. Each durable change is one function here: keyword-only, typed, one transaction, its own permission check.

What a function changed is announced by `announce.moved` once it is committed; whoever shows chats listens there.
Services never import what listens. The order of locks is: the chat, then the lists of its members by user id.
"""

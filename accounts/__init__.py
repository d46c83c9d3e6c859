"""People: the project's own `User`, sign-in, sign-out and guests. Knows nothing of chats."""

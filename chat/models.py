"""The rows. Only services write them, only selectors read them; a run in flight lives in its log, not here.

Order never comes from a clock: `version` counts the changes of a chat, `position` its messages, `ChatList.version` the
changes of one person's list, `seq` the events of a run. Each counter is raised under the lock of the row that holds it,
so the order of the numbers is the order of the commits, and "everything after version v" is one complete query.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Chat(models.Model):
    """A conversation. Its row is the lock of everything in it."""

    class TitledBy(models.TextChoices):
        NOBODY = "nobody"
        WORDS = "words", "the first words"
        MODEL = "model"
        PERSON = "person"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="created_chats"
    )
    client_id = models.CharField(max_length=64)
    title = models.CharField(max_length=200, blank=True)
    titled_by = models.CharField(max_length=8, choices=TitledBy, default=TitledBy.NOBODY)
    agent = models.CharField(max_length=64)
    version = models.BigIntegerField(default=1)
    last_position = models.BigIntegerField(default=0)
    archived = models.BooleanField(default=False)
    pinned = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True)
    """Deleted chats can be restored until `cleanup` removes them."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField()
    """Of the last message; for people. Lists are ordered by `Member.recent`."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["creator", "client_id"], name="one_chat_per_client_id"),
        ]
        indexes = [models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="deleted_chats")]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Member(models.Model):
    """Who may see a chat. Today each chat has one, its owner."""

    class Role(models.TextChoices):
        OWNER = "owner"

    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_memberships")
    role = models.CharField(max_length=8, choices=Role, default=Role.OWNER)
    version = models.BigIntegerField()
    """The version of the person's list at the last change that the list shows."""
    recent = models.BigIntegerField()
    """The version of the person's list at the last message: the order of the list."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "chat"], name="one_membership")]
        indexes = [
            models.Index(fields=["user", "version"], name="member_by_version"),
            models.Index(fields=["user", "-recent"], name="member_by_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.chat_id}"


class ChatList(models.Model):
    """The counter of one person's list of chats, and its lock. Locked after the chat, several in order of the user."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="chat_list"
    )
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id} at {self.version}"


class Message(models.Model):
    """Something said. Messages form a tree by `parent`; one path through it is shown.

    Positions grow along every path, because a child is younger than its parent: so the shown messages, in order of
    position, are the chat as people see it, and a page of it is one query.
    """

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"
        SYSTEM = "system"

    class Status(models.TextChoices):
        COMPLETE = "complete"
        STREAMING = "streaming"
        STOPPED = "stopped"
        INTERRUPTED = "interrupted"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="children")
    position = models.BigIntegerField()
    version = models.BigIntegerField()
    """The chat's version at the last change of this row."""
    role = models.CharField(max_length=9, choices=Role)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="chat_messages"
    )
    client_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  # a reply has none
    status = models.CharField(max_length=11, choices=Status)
    parts = models.JSONField(default=list)
    """`protocol.objects.Part`s; empty while the reply is in its run's log."""
    run = models.ForeignKey("Run", null=True, on_delete=models.SET_NULL, related_name="+")
    """The run that writes this reply, or wrote it last: a reply that was cut off can be continued by another run."""
    shown = models.BooleanField(default=True)
    """Whether it lies on the chosen path. To clients one that does not is `removed`; it comes back whole."""
    choice = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    """The child through which the path went last; null where that is the youngest."""
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)
    timing = models.JSONField(null=True)
    """A `protocol.objects.Timing`, of the run that wrote it last; null where nobody saw that run to its end."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chat", "position"], name="one_message_per_position"),
        ]
        indexes = [
            models.Index(fields=["chat", "version"], name="message_by_version"),
            models.Index(fields=["chat"], condition=Q(parent=None), name="first_messages_of_chat"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.position}"


class Worker(models.Model):
    """A process that owns runs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    """Host and process id, for people."""
    started_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(db_default=Now())
    """By the database's clock, like everything that is compared with it."""

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One answering of one message by an agent."""

    class Status(models.TextChoices):
        RUNNING = "running"
        COMPLETED = "completed"
        STOPPED = "stopped"
        INTERRUPTED = "interrupted"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="runs")
    reply = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="runs")
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="requested_runs"
    )
    client_id = models.CharField(max_length=64)
    """Of the command that asked for it: the same command again finds this run."""
    agent = models.CharField(max_length=64)
    status = models.CharField(max_length=11, choices=Status, default=Status.RUNNING)
    version = models.BigIntegerField()
    owner = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL, related_name="runs")
    """Null once it has ended."""
    token = models.UUIDField(default=uuid.uuid4)
    """The fence: appends and the end of a run count only with the token that the row has. A takeover changes it."""
    last_seq = models.BigIntegerField(default=0)
    """0 while it runs; then the `seq` of the terminal event."""
    stop_requested = models.BooleanField(default=False)
    usage = models.JSONField(default=list)
    """AG-UI `TokenUsage` objects, one a model."""
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["chat", "version"], name="run_by_version"),
            models.Index(fields=["owner"], condition=Q(status="running"), name="running_runs"),
            models.Index(fields=["chat"], condition=Q(status="running"), name="live_runs_of_chat"),
            models.Index(fields=["requester"], condition=Q(status="running"), name="live_runs_of_requester"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["chat", "requester", "client_id"], name="one_run_per_client_id"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.status}"


class RunEvent(models.Model):
    """The log in the database: one event of a run in flight, or of one that ended in the last two minutes."""

    # In the order of their coming, whatever run they are of: a write of many runs' events fills one page. By run and
    # seq each event would take a page of its own, which cost SQLite twice as much. Who reads a run finds its first
    # event by the one index, and looks through what came after it; nobody does while all goes well. No cascade
    # does either: `services.cleanup` removes a log before its run.
    run = models.ForeignKey(
        Run, on_delete=models.DO_NOTHING, related_name="events", db_index=False, db_constraint=False
    )
    seq = models.BigIntegerField()
    data = models.TextField()
    """The AG-UI event as JSON."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run"], condition=models.Q(seq=1), name="one_beginning_per_run")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.seq}"

"""The before: a synchronous view that streams, under one synchronous worker. While it answers, nobody else is served.

OPENAI_BASE_URL=… gunicorn --workers 1 bench.apps.before:application
"""

from __future__ import annotations

from collections.abc import Iterator

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    SECRET_KEY="of a process that keeps nothing",  # noqa: S106  # it signs nothing
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402  # needs the settings
from openai import OpenAI  # noqa: E402

client = OpenAI(api_key="none")


def ask(request: HttpRequest) -> StreamingHttpResponse:
    """The body is a question, the response its answer as it comes."""
    question = request.body.decode()

    def answer() -> Iterator[str]:
        stream = client.chat.completions.create(
            model="bench", messages=[{"role": "user", "content": question}], stream=True
        )
        for chunk in stream:
            if chunk.choices and (text := chunk.choices[0].delta.content):
                yield text

    return StreamingHttpResponse(answer(), content_type="text/plain")


def chat(request: HttpRequest) -> JsonResponse:
    """Another chat, as small as it can be."""
    return JsonResponse({"messages": []})


urlpatterns = [path("ask/", ask), path("chat/", chat)]
application = get_wsgi_application()

"""The page's addresses. Which chats are open is in the path, and read by the page itself."""

from __future__ import annotations

from django.urls import path, re_path

from chat.web.views import diagram, favicon, page

urlpatterns = [
    path("", page, name="page"),
    path("diagram", diagram, name="diagram"),
    path("favicon.ico", favicon),
    re_path(r"^c/[0-9a-fA-F+-]+$", page, name="chats"),
]

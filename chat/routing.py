"""WebSocket URLs."""

from django.urls import path

from chat.consumers.socket import ChatSocket

websocket_urlpatterns = [path("ws/", ChatSocket.as_asgi())]

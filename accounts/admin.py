"""Users in the admin, with guests told apart from people who have an account."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from accounts.models import User


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """Django's own, plus the guest flag as a column, a filter and a field."""

    list_display = ("username", "email", "is_guest", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("is_guest", "is_staff", "is_superuser", "is_active", "groups")
    ordering = ("-date_joined",)
    readonly_fields = ("is_guest",)
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), ("Guest", {"fields": ("is_guest",)}))

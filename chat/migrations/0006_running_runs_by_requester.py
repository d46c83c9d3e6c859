from django.conf import settings
from django.db import migrations, models

from chat.migrations._indexes import AddIndexBesideWrites


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('chat', '0005_find_first_messages_by_chat'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexBesideWrites(
            model_name='run',
            index=models.Index(condition=models.Q(('status', 'running')), fields=['requester'], name='live_runs_of_requester'),
        ),
    ]

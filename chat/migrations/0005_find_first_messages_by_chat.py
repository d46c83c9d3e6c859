from django.db import migrations, models

from chat.migrations._indexes import AddIndexBesideWrites


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('chat', '0004_log_in_order_of_time'),
    ]

    operations = [
        AddIndexBesideWrites(
            model_name='message',
            index=models.Index(condition=models.Q(('parent', None)), fields=['chat'], name='first_messages_of_chat'),
        ),
    ]

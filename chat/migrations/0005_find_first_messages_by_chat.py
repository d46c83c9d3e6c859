from django.db import migrations, models


class AddIndexBesideWrites(migrations.AddIndex):
    """On Postgres, people go on writing while the index is made."""

    atomic = False

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        beside = {'concurrently': True} if schema_editor.connection.vendor == 'postgresql' else {}
        schema_editor.add_index(model, self.index, **beside)


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

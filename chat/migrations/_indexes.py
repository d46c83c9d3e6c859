from django.db import migrations


class AddIndexBesideWrites(migrations.AddIndex):
    """On Postgres, people go on writing while the index is made. Only in a migration that is not `atomic`."""

    atomic = False

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        beside = {'concurrently': True} if schema_editor.connection.vendor == 'postgresql' else {}
        schema_editor.add_index(model, self.index, **beside)

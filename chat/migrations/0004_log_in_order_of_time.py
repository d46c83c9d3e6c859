import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0003_message_timing'),
    ]

    operations = [
        migrations.RenameModel('RunEvent', 'RunEventByRun'),
        migrations.CreateModel(
            name='RunEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField()),
                ('data', models.TextField()),
                ('run', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chat.run')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('seq', 1)), fields=('run',), name='one_beginning_per_run')],
            },
        ),
        # What a run has said before the service was stopped for this is kept when it starts again.
        migrations.RunSQL(
            'INSERT INTO chat_runevent (run_id, seq, data) SELECT run_id, seq, data FROM chat_runeventbyrun ORDER BY run_id, seq',
            migrations.RunSQL.noop,
        ),
        migrations.DeleteModel('RunEventByRun'),
        migrations.AlterField(
            model_name='runevent',
            name='run',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='chat.run'),
        ),
    ]

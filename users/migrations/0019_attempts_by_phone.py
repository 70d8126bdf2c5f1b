"""How many attempts of a challenge were made without its id. Versions before do not tell, so theirs count as 0."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0018_enrolment_tokens")]

    operations = [
        migrations.AddField(
            "challenge", "attempts_by_phone", models.PositiveSmallIntegerField("attempts by phone", db_default=0)
        )
    ]

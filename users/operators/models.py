"""What is kept of operators' searches."""

from django.db import models


class PhoneSearch(models.Model):
    """An operator who sees masked phones searched for a whole one."""

    operator = models.ForeignKey("users.User", models.CASCADE, db_index=False, related_name="phone_searches")
    # A keyed hash: the same phone again tells nothing new, so it does not count again.
    phone_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["operator", "created_at"], name="users_phonesearch_of_operator"),
            models.Index(fields=["created_at"], name="users_phonesearch_created"),
        ]

    def __str__(self) -> str:
        return f"phone search {self.pk}"

"""Rows of profiles, votes and failed activations that the database refuses, by constraint."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from profiles.models import Activation, FailedActivation, Profile
from tests.support.accounts import registered

pytestmark = pytest.mark.django_db

VOTE = "INSERT INTO profiles_activation (invitee_id, inviter_id) VALUES (%s, %s)"


def broken(sql: str, values: Sequence[Any]) -> str:
    """The constraint (or NOT NULL column) that refuses this statement or its commit."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    error = refusal.value.__cause__
    assert isinstance(error, psycopg.Error)
    return error.diag.constraint_name or error.diag.column_name or ""


@pytest.fixture
def profile() -> Profile:
    return registered("9991110001")


@pytest.fixture
def other() -> Profile:
    return registered("9991110002")


@pytest.mark.parametrize("code", ["", "AAAAA", "AAAAA0", "aaaaaa", "AAAAAO", "AAA AA", "AAAAÄA", "AAAAA\n"])
def test_invite_code_matches_its_format(profile: Profile, code: str) -> None:
    refused = broken("UPDATE profiles_profile SET invite_code = %s WHERE user_id = %s", [code, profile.pk])

    assert refused == "profiles_profile_invite_code"


def test_invite_code_is_unique(profile: Profile, other: Profile) -> None:
    refused = broken("UPDATE profiles_profile SET invite_code = %s WHERE user_id = %s", [other.invite_code, profile.pk])

    assert refused == "profiles_profile_invite_code_key"


def test_person_has_one_profile(profile: Profile) -> None:
    refused = broken("INSERT INTO profiles_profile (user_id, invite_code) VALUES (%s, 'AAAAAA')", [profile.pk])

    assert refused == "profiles_profile_pkey"


def test_profile_belongs_to_a_user(profile: Profile) -> None:
    refused = broken("INSERT INTO profiles_profile (user_id, invite_code) VALUES (%s, 'AAAAAA')", [profile.pk + 1000])

    assert refused == "profiles_profile_user_id_a3e81f91_fk_users_user_id"


def test_count_is_never_negative(profile: Profile) -> None:
    refused = broken("UPDATE profiles_profile SET invitations_count = -1 WHERE user_id = %s", [profile.pk])

    assert refused == "profiles_profile_invitations_count_check"


@pytest.mark.parametrize("column", ["invite_code", "invitations_count", "created_at"])
def test_profile_has_all_columns(profile: Profile, column: str) -> None:
    refused = broken(f"UPDATE profiles_profile SET {column} = NULL WHERE user_id = %s", [profile.pk])

    assert refused == column


def test_nobody_votes_for_themselves(profile: Profile) -> None:
    assert broken(VOTE, [profile.pk, profile.pk]) == "profiles_activation_not_oneself"


def test_person_has_one_vote(profile: Profile, other: Profile) -> None:
    third = registered("9991110003")
    Activation.objects.create(invitee=profile, inviter=other)

    assert broken(VOTE, [profile.pk, third.pk]) == "profiles_activation_pkey"


@pytest.mark.parametrize("missing", ["invitee", "inviter"])
def test_vote_refers_to_two_existing_users(profile: Profile, missing: str) -> None:
    pair = {"invitee": profile.pk, "inviter": profile.pk, missing: profile.pk + 1000}

    refused = broken(VOTE, [pair["invitee"], pair["inviter"]])

    assert refused.startswith(f"profiles_activation_{missing}_id_") and "_fk_profiles_" in refused


@pytest.mark.parametrize("column", ["inviter_id", "created_at"])
def test_vote_has_all_columns(profile: Profile, other: Profile, column: str) -> None:
    Activation.objects.create(invitee=profile, inviter=other)

    assert broken(f"UPDATE profiles_activation SET {column} = NULL WHERE invitee_id = %s", [profile.pk]) == column


@pytest.mark.parametrize("deleted", ["invitee", "inviter"])
def test_profile_with_a_vote_is_not_deleted(profile: Profile, other: Profile, deleted: str) -> None:
    vote = Activation.objects.create(invitee=profile, inviter=other)

    refused = broken("DELETE FROM profiles_profile WHERE user_id = %s", [getattr(vote, f"{deleted}_id")])

    assert refused.startswith(f"profiles_activation_{deleted}_id_")


def test_failed_activation_belongs_to_a_user(profile: Profile) -> None:
    refused = broken("INSERT INTO profiles_miss (user_id) VALUES (%s)", [profile.pk + 1000])

    assert refused == "profiles_miss_user_id_ff1c03e9_fk_users_user_id"


def test_failed_activation_has_all_columns(profile: Profile) -> None:
    FailedActivation.objects.create(user=profile.user)

    assert broken("UPDATE profiles_miss SET created_at = NULL WHERE user_id = %s", [profile.pk]) == "created_at"
    assert broken("UPDATE profiles_miss SET user_id = NULL WHERE user_id = %s", [profile.pk]) == "user_id"


def test_database_fills_in_defaults(profile: Profile, other: Profile) -> None:
    with connection.cursor() as cursor:
        cursor.execute(VOTE, [profile.pk, other.pk])
        cursor.execute("INSERT INTO profiles_miss (user_id) VALUES (%s)", [profile.pk])

    assert profile.invitations_count == 0
    assert Activation.objects.get().created_at is not None
    assert FailedActivation.objects.get().created_at is not None


def test_lists_have_an_index_for_their_ordering() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()")
        found = [definition.split(" USING ")[-1] for (definition,) in cursor.fetchall()]

    assert "btree (inviter_id, created_at, invitee_id)" in found
    assert "btree (created_at, user_id)" in found
    assert "btree (invitations_count, user_id)" in found

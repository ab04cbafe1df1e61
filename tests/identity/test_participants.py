"""Whose join it is decides who he is, today and with every later version."""

import uuid

from realtime.commands.joining import participant_of


def test_a_participant_is_the_version_5_uuid_of_his_join() -> None:
    space = uuid.UUID("6f1d3c1e-6c1b-4f5e-9d52-706c656e756d")
    for number in range(200):
        session_id, join_id = str(uuid.UUID(int=number)), f"join-{number}-ö"
        assert participant_of(session_id, join_id) == str(uuid.uuid5(space, f"{session_id}/{join_id}"))

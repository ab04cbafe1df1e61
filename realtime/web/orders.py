"""What is ordered over a socket, in the words of the commands; the same commands serve REST."""

from typing import Any, assert_never

from persistence.documents import activity_document, session_document
from realtime.commands.actors import Actor
from realtime.commands.correcting import Correcting
from realtime.commands.directing import Directing
from realtime.commands.moderating import Moderating
from realtime.commands.standings import Standings
from realtime.commands.timing import Timing
from realtime.core.messages import (
    Accommodate,
    AssignTeam,
    CorrectKey,
    CreateActivity,
    Decide,
    DeleteActivity,
    Move,
    MoveSession,
    Remove,
    Reveal,
    UpdateActivity,
)

Order = (
    Move
    | Reveal
    | CreateActivity
    | UpdateActivity
    | DeleteActivity
    | MoveSession
    | Remove
    | Decide
    | Accommodate
    | CorrectKey
    | AssignTeam
)


class Orders:
    """Hands an order to the commands, and shapes what the one who gave it is told."""

    def __init__(
        self, directing: Directing, moderating: Moderating, timing: Timing, correcting: Correcting, standings: Standings
    ) -> None:
        self._directing = directing
        self._moderating = moderating
        self._timing = timing
        self._correcting = correcting
        self._standings = standings

    async def obey(self, actor: Actor, command: Order) -> dict[str, Any]:
        """Do it; returns the `result` of `done`. Raises Refusal."""
        directing = self._directing
        match command:
            case Move():
                row = await directing.move(
                    actor, command.activity_id, command.to, expected_version=command.expected_version, new_round=command.new_round
                )
                return {"activity": activity_document(row)}
            case Reveal():
                row = await directing.reveal(
                    actor, command.activity_id, command.revealed, expected_version=command.expected_version
                )
                return {"activity": activity_document(row)}
            case CreateActivity():
                row = await directing.create_activity(
                    actor, command.activity_type, title=command.title, config=command.config, order_index=command.order_index
                )
                return {"activity": activity_document(row)}
            case UpdateActivity():
                row = await directing.update_activity(
                    actor, command.activity_id, title=command.title, config=command.config, order_index=command.order_index,
                    expected_version=command.expected_version,
                )  # fmt: skip
                return {"activity": activity_document(row)}
            case DeleteActivity():
                await directing.delete_activity(actor, command.activity_id, expected_version=command.expected_version)
                return {"activity_id": command.activity_id}
            case MoveSession():
                session = await directing.move_session(
                    actor, to=command.to, locked=command.locked, passcode=command.passcode, second_factor=command.second_factor,
                    focus=command.focus, expected_version=command.expected_version,
                )  # fmt: skip
                return {"session": session_document(session)}
            case Remove():
                await directing.remove(actor, command.participant_id)
                return {"participant_id": command.participant_id}
            case _:
                return await self._judge(actor, command)

    async def _judge(self, actor: Actor, command: Decide | Accommodate | CorrectKey | AssignTeam) -> dict[str, Any]:
        """What is decided about contributions and people, rather than about an activity's course."""
        match command:
            case Decide():
                return await self._moderating.decide(
                    actor, command.activity_id, command.decision, expected_version=command.expected_version
                )
            case Accommodate():
                return await self._timing.accommodate(actor, command.participant_id, command.extra_time_percent)
            case CorrectKey():
                row = await self._correcting.correct_key(
                    actor, command.activity_id, command.settings, expected_version=command.expected_version
                )
                return {"activity": activity_document(row)}
            case AssignTeam():
                team = await self._standings.assign_team(actor, command.participant_id, command.team)
                return {"participant_id": command.participant_id, "team": team}
            case _:
                assert_never(command)

"""Who has taken the lease directs alone, also while the live store has forgotten that."""

from realtime.commands.actors import Actor
from tests.commands.stage import Stage, refused


async def test_the_lease_outlives_the_live_store(stage: Stage) -> None:
    leasing = stage.app.identity.leasing
    former, present = stage.presenter, Actor(stage.session_id, "presenter", "1" * 64)
    old = (await leasing.take(former, "Ann"))["token"]
    new = (await leasing.take(present, "Ben"))["token"]
    for forgotten in (False, True):
        if forgotten:
            await stage.forget()
        refusal = await refused(leasing.check(former, old))
        assert (refusal.code, refusal.details["director"]["label"]) == ("not_directing", "Ben")
        assert (await refused(leasing.check(former, None))).code == "not_directing"
        await leasing.check(present, new)
    await leasing.release(present)
    await leasing.check(former, None)

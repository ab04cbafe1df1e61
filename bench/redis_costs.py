"""Where Valkey's time goes, as it tells itself: microseconds in each command, per answer."""

from typing import Any

from redis import Redis

_LEAST_SHARE = 0.02  # commands that cost less than this share of all are not named


class RedisCosts:
    """The difference of two readings of `INFO commandstats`. A script's time includes the commands it calls."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, decode_responses=True)
        self._before: dict[str, Any] = {}
        self.costs: dict[str, tuple[float, float]] = {}

    def begin(self) -> None:
        self._before = dict(self._redis.info("commandstats"))

    def end(self, answers: int) -> None:
        after: dict[str, Any] = dict(self._redis.info("commandstats"))
        for name, now in after.items():
            old = self._before.get(name, {"usec": 0, "calls": 0})
            cost = (now["usec"] - old["usec"]) / answers, (now["calls"] - old["calls"]) / answers
            if cost[0] > 0:
                self.costs[name.removeprefix("cmdstat_")] = cost
        self._redis.close()

    def answers_per_call(self) -> float:
        """How many answers a call of the accept script carried, if it was the script that was called."""
        return 1 / self.costs["evalsha"][1]

    def sentence(self) -> str:
        """The dearest first."""
        most = sum(cost for cost, _ in self.costs.values())
        named = [
            f"{name} {cost:.2f} us ({calls:.3f} calls)"
            for name, (cost, calls) in sorted(self.costs.items(), key=lambda one: -one[1][0])
            if cost >= most * _LEAST_SHARE
        ]
        return ", ".join(named)

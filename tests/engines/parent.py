"""Starts engines on a folder, tells their URLs and pids as one line of JSON, and waits to be ended.

Arguments: the data folder, and optionally "no-postgres".
"""

import json
import sys
from pathlib import Path

from realtime.engines import EngineError, start_engines


def main() -> None:
    """Live as the parent of the engines until the input closes."""
    try:
        engines = start_engines(Path(sys.argv[1]), postgres="no-postgres" not in sys.argv)
    except EngineError as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return
    told = {"redis_url": engines.redis_url, "database_url": engines.database_url}
    told["valkey_pid"] = str(engines.valkey_pid)
    if "no-postgres" not in sys.argv:
        told["postgres_pid"] = str(engines.postgres_pid)
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    engines.stop()


if __name__ == "__main__":
    main()

"""The embedded Valkey and PostgreSQL: real engines from wheels, under a small supervisor of ours."""

from realtime.engines.errors import EngineError
from realtime.engines.folder import default_folder
from realtime.engines.supervisor import Engines, start_engines

__all__ = ["EngineError", "Engines", "default_folder", "start_engines"]

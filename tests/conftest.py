"""What holds for every test: nothing of the caller's environment, no deadline that a busy machine breaks."""

import os
import signal

from hypothesis import settings

# A test must never reach the servers of the person who runs it.
for name in list(os.environ):
    if name in {"REDIS_URL", "DATABASE_URL", "PORT", "WEB_CONCURRENCY"} or name.startswith("PLENUM_"):
        del os.environ[name]

# A shell that runs something in the background has it ignore Ctrl-C, and its children with it; servers are to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Time per example says how busy the machine is, not whether the code is right; a hang ends by the time-out.
settings.register_profile("plenum", deadline=None, print_blob=True)
settings.load_profile("plenum")

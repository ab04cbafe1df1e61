"""Becomes an engine: gives up root, asks the kernel to end it with its parent, then replaces itself.

Run as a script by the interpreter. It exists so that the server can spawn without running Python between fork
and exec, which is unsafe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


class CapabilityHeader(ctypes.Structure):
    """`struct __user_cap_header_struct` of capget(2)."""

    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class CapabilityData(ctypes.Structure):
    """`struct __user_cap_data_struct` of capget(2)."""

    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def keep_capability(libc: ctypes.CDLL, capability: int) -> bool:
    """Drop every capability but one, and hand that one to the program to come; False where it is not ours."""
    header = CapabilityHeader(CAPABILITY_VERSION_3, 0)
    data = (CapabilityData * 2)()
    data[0].effective = data[0].permitted = data[0].inheritable = 1 << capability
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        return False
    return bool(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def become_user(libc: ctypes.CDLL | None, uid: int, gid: int, passes_folders: bool) -> None:
    """Give up root for good, with all groups and all capabilities.

    With `passes_folders` one capability stays: to enter folders that are closed to the user.
    """
    # Without this bit access(2) ignores capabilities after setuid, and PostgreSQL asks access(2).
    if (
        passes_folders
        and libc is not None
        and libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0
    ):
        sys.exit(f"cannot keep the right to enter closed folders: {os.strerror(ctypes.get_errno())}")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if passes_folders and libc is not None:
        # Reading and entering is enough; containers often grant only the wider one.
        kept = keep_capability(libc, CAP_DAC_READ_SEARCH) or keep_capability(libc, CAP_DAC_OVERRIDE)
        if not kept:
            sys.exit("cannot keep the right to enter closed folders: it is not granted to root here")


def end_with(libc: ctypes.CDLL, parent: int, death_signal: int) -> None:
    """Have the kernel send the signal when the parent ends; after a change of user, which would clear it."""
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"cannot ask to end with the parent: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent ended before the engine began")


def launch(arguments: list[str]) -> None:
    """Become the engine; returns never, and exits with a sentence where something is refused.

    Arguments: the parent's pid, the death signal, uid and gid (negative to keep the user), 1 to pass closed
    folders, and then the command.
    """
    parent, death_signal, uid, gid, passes_folders = (int(argument) for argument in arguments[:5])
    command = arguments[5:]
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    try:
        if uid >= 0:
            become_user(libc, uid, gid, bool(passes_folders))
        if libc is not None:
            end_with(libc, parent, death_signal)
        os.execv(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.exit(f"cannot run {command[0]} as user {uid if uid >= 0 else os.getuid()}: {error.strerror}")


if __name__ == "__main__":
    launch(sys.argv[1:])

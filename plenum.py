#!/usr/bin/env python3
"""Runs Plenum from a clone, on a machine that has nothing but Python 3.11 or newer.

    python3 plenum.py serve               the server, with a Valkey and a PostgreSQL of its own
    python3 plenum.py test                every check: lint, then the tests, tier by tier
    python3 plenum.py test tests/core -x  only these tests; the arguments are pytest's
    python3 plenum.py ANYTHING ELSE       handed to the `plenum` command as it is

The first run makes `.venv` beside this file and installs the versions of the lock file, checked by hash; a
later run only compares a stamp. This file parses on Python 3.6, so that an old one can say what it lacks.
"""

import glob
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "plenum-stamp")
LOCKS = {"run": "requirements.lock", "test": "requirements-test.lock"}  # The second holds all of the first.
PARTS = (  # What is installed from here.
    "pyproject.toml", "hatch_build.py", os.path.join("realtime", "delivery", "fanout.c"),
    os.path.join("realtime", "core", "speedups.c"),
)  # fmt: skip
OTHER_NAMES = ("python3.13", "python3.12", "python3.11", "python3.14")


class CannotStart(Exception):
    """One sentence for the person at the keyboard, which says what to do."""


def main(arguments):
    try:
        if os.name != "posix":
            raise CannotStart("Plenum runs on Linux and macOS; on Windows use it inside WSL.")
        if sys.version_info < (3, 11):
            hand_over_to_newer_python()
        kind = "test" if arguments[:1] == ["test"] else "run"
        prepare(kind)
    except CannotStart as error:
        print("plenum: {}".format(error), file=sys.stderr)
        return 1
    except OSError as error:
        print("plenum: cannot prepare {}: {}".format(VENV, error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # What is half done has no stamp, and the next run does it again.
    if kind == "test":
        os.chdir(ROOT)
        os.execv(VENV_PYTHON, [VENV_PYTHON, "-m", "tests.run", *arguments[1:]])
    # The script goes to the interpreter by path: a shebang line breaks in long paths and at spaces.
    os.execv(VENV_PYTHON, [VENV_PYTHON, os.path.join(VENV, "bin", "plenum"), *arguments])
    return 0


def hand_over_to_newer_python():
    """Replaces this process by the first newer Python on PATH that really starts; some names are dead."""
    probe = "import sys; sys.exit(sys.version_info < (3, 11))"
    for name in OTHER_NAMES:
        path = shutil.which(name)
        if path and subprocess.call([path, "-c", probe], stderr=subprocess.DEVNULL) == 0:
            os.execv(path, [path, *sys.argv])
    raise CannotStart(
        "needs Python 3.11 or newer, and this is {}.{}. Install a newer one, then run the same command "
        "with its name, such as python3.13.".format(*sys.version_info[:2])
    )


def prepare(kind):
    """Makes `.venv` hold what the lock of this kind names, unless its stamp says that it does already."""
    if wanted_stamp(kind) in read_stamps():
        return
    import fcntl  # noqa: PLC0415 - not on Windows, which must get as far as the sentence above.

    with open(os.path.abspath(__file__), "rb") as this_file:
        fcntl.flock(
            this_file, fcntl.LOCK_EX
        )  # Of two first runs at once the second waits, then finds the stamp.
        if wanted_stamp(kind) in read_stamps():
            return
        print("Preparing .venv from {}: about a minute, once...".format(LOCKS[kind]), flush=True)
        if not environment_works():
            make_environment()
        install(["--require-hashes", "-r", os.path.join(ROOT, LOCKS[kind])])
        install(["--no-deps", "--no-build-isolation", "-e", ROOT])
        covered = ["run", "test"] if kind == "test" else ["run"]
        with open(STAMP, "w") as stamp:
            stamp.write("\n".join(wanted_stamp(each) for each in covered))


def wanted_stamp(kind):
    """All that makes an environment fit: the lock, the project's metadata, the folder, the Python."""
    digest = hashlib.sha256()
    for name in (LOCKS[kind], *PARTS):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    digest.update("{}\n{}.{}".format(ROOT, *sys.version_info[:2]).encode("utf-8", "surrogateescape"))
    return "{} {}".format(kind, digest.hexdigest())


def read_stamps():
    if not os.path.exists(STAMP) or not os.path.exists(VENV_PYTHON):
        return []
    with open(STAMP) as stamp:
        return stamp.read().splitlines()


def environment_works():
    """Whether `.venv` was made whole, in this folder, by this Python; a move or an upgrade breaks it."""
    if not os.path.exists(VENV_PYTHON):
        return False
    probe = "import pip, sys; sys.exit((sys.version_info[:2], sys.prefix) != ({!r}, {!r}))"
    probe = probe.format(tuple(sys.version_info[:2]), VENV)
    return subprocess.call([VENV_PYTHON, "-c", probe], stderr=subprocess.DEVNULL) == 0


def make_environment():
    def has(module):
        return importlib.util.find_spec(module) is not None

    if has("venv") and has("ensurepip"):
        command = ["-m", "venv", "--clear", VENV]
    elif has("virtualenv"):
        command = ["-m", "virtualenv", "--clear", VENV]
    elif has("venv") and has("pip"):
        command = ["-m", "venv", "--clear", "--without-pip", VENV]
    else:
        raise CannotStart(
            "this Python cannot make virtual environments. On Debian and Ubuntu run "
            "`apt-get install python3-venv`, then the same command again."
        )
    if subprocess.call([sys.executable, *command]) != 0:
        raise CannotStart("making {} failed, for the reason above.".format(VENV))


def install(arguments):
    if glob.glob(os.path.join(glob.escape(VENV), "lib", "python*", "site-packages", "pip")):
        pip = [VENV_PYTHON, "-m", "pip"]
    else:
        pip = [sys.executable, "-m", "pip", "--python", VENV_PYTHON]
    options = ["--quiet", "--no-input", "--disable-pip-version-check"]
    if subprocess.call([*pip, "install", *options, *arguments]) != 0:
        raise CannotStart(
            "installing failed, for the reason above; once that is mended, run the same command again."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

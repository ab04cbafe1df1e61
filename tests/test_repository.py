"""What must hold of the repository as a whole: sizes, places, one-line commands, locks and the wheel."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hatch_build import LIBRARIES
from tests.run import LANES, TIERS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("realtime", "persistence", "migrations")
MAX_MODULE_LINES = 400
LOCKS = {"requirements.lock": {"build"}, "requirements-test.lock": {"build", "lint", "test"}}
# Folders of tests that mirror no package.
CROSSING_FOLDERS = {
    "browser", "cluster", "faults", "hostile", "identity", "journey", "recovery", "scoring", "simulation", "static", "wire",
}  # fmt: skip
# One letter of each stands in brackets, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/(?:[w]ork|[r]oot)/|/tmp/[p]lan",
    "a registry's host": r"[p]ypi\.org|[p]ythonhosted\.|[r]egistry\.npmjs|[c]rates\.io|[d]eb\.debian",
    "an index option": r"--(?:extra-)?[i]ndex-url|--[f]ind-links",
}


def tracked_files() -> list[Path]:
    """Every file that is or is about to be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git clone: nothing says which files belong to the repository")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return tracked_files()


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def code_blocks(text: str) -> list[str]:
    return [block.strip() for block in re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def read_lock(name: str) -> dict[str, str]:
    """Locked version by package name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


# --- size, paths, places


def test_no_module_is_longer_than_a_noun_needs(files: list[Path]) -> None:
    sources = [path for path in files if path.suffix in {".py", ".js", ".mjs", ".lua", ".css"}]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert not {name: count for name, count in lines.items() if count > MAX_MODULE_LINES}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str, files: list[Path]) -> None:
    hits = []
    for path in files:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # A picture or a font holds no text to leak.
        lines = enumerate(text.splitlines(), start=1)
        hits += [f"{path.name}:{number}" for number, line in lines if re.search(FORBIDDEN[what], line)]
    assert not hits


def test_only_settings_reads_the_environment(files: list[Path]) -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in files
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
        if re.search(r"\bos\.(environ|getenv)\b", path.read_text())
    }
    assert readers <= {"realtime/settings.py"}


def test_scripts_and_statements_stay_in_their_places(files: list[Path]) -> None:
    homes = {".lua": "realtime/store", ".sql": "persistence"}
    strays = [
        str(path.relative_to(ROOT))
        for path in files
        if path.suffix in homes and str(path.parent.relative_to(ROOT)) != homes[path.suffix]
    ]
    assert not strays


def test_folders_of_tests_mirror_the_packages(files: list[Path]) -> None:
    tests = ROOT / "tests"
    folders = {p.relative_to(tests).parts[0] for p in files if p.is_relative_to(tests) and p.parent != tests}
    mirrored = {path.parent.name for path in files if path.name == "__init__.py"}
    assert folders <= CROSSING_FOLDERS | mirrored


# --- the two commands


def test_readme_and_continuous_integration_run_the_same_line() -> None:
    blocks = code_blocks((ROOT / "README.md").read_text())
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if "plenum.py" in line]
    assert commands == ["python3 plenum.py test"]
    assert commands[0] in blocks


def test_readme_starts_from_an_empty_machine_in_one_line() -> None:
    blocks = code_blocks((ROOT / "README.md").read_text())
    assert "git clone <repository> plenum && cd plenum && python3 plenum.py serve" in blocks


def test_bootstrap_parses_where_python_is_too_old() -> None:
    compile_for_3_6 = "import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 6))"
    subprocess.run([sys.executable, "-c", compile_for_3_6, str(ROOT / "plenum.py")], check=True)


def test_procfile_names_commands_of_the_project() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    processes = dict(line.split(": ", 1) for line in lines)
    assert set(processes) == {"release", "web", "flusher"}
    assert all(command.startswith("plenum ") for command in processes.values())


# --- the locks


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items())
def test_lock_fits_the_project(lock: str, extras: set[str], project: dict[str, dict]) -> None:  # type: ignore[type-arg]
    """Every range of pyproject.toml holds the locked version; CONTRIBUTING.md says how to lock anew."""
    metadata = project["project"]
    optional: dict[str, list[str]] = metadata["optional-dependencies"]
    assert extras <= set(optional)
    wanted = [*metadata["dependencies"], *(each for extra in sorted(extras) for each in optional[extra])]
    locked = read_lock(lock)
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), str(requirement)


def test_every_extra_is_locked(project: dict[str, dict]) -> None:  # type: ignore[type-arg]
    assert set(project["project"]["optional-dependencies"]) == LOCKS["requirements-test.lock"]


def test_tests_run_on_the_versions_that_users_get() -> None:
    assert read_lock("requirements.lock").items() <= read_lock("requirements-test.lock").items()


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_checked_by_hash_and_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


# --- the wheel


def test_wheel_holds_every_file_of_the_packages(tmp_path: Path, files: list[Path]) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("plenum_live-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {str(p.relative_to(ROOT)) for p in files if p.relative_to(ROOT).parts[0] in PACKAGES}
    built = {library.target for library in LIBRARIES if (ROOT / library.target).exists()}
    assert shipped == ours | built


def test_every_tier_runs_in_one_lane() -> None:
    assert sorted(name for lane in LANES for name in lane) == sorted(TIERS)

"""`synth method new`: the file of a method and its test, in this checkout, in a package, or beside a project.

A package offers its methods by entry points, so the line that names the new one is written too. A project is no
package: its methods get one, `own_methods/`, which is then installed beside synth_dagster.
"""

import keyword
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from synth_dagster import method, records, services
from synth_dagster.catalog import ENTRY_POINTS, methods
from synth_dagster.cli.method_templates import class_name, method_text, proof_text
from synth_dagster.cli.project import MARKS
from synth_dagster.errors import ExitCode, SynthError, UnknownName
from synth_dagster.method import KINDS

OWN = "own_methods"
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_LONGEST = 60  # a file and its test are called so
_NO_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # what YAML reads otherwise in a recipe
_IMPORTED = {*vars(method), *vars(records), *vars(services)}  # what the written files import by name
_SECTION = f'[project.entry-points."{ENTRY_POINTS}"]'
_PACKAGE = f"""[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{OWN.replace("_", "-")}"
version = "0.1"
description = "Methods of our own for synth_dagster."
requires-python = ">=3.11"

[tool.hatch.build.targets.wheel]
packages = ["src/{OWN}"]
"""


class CannotAdd(SynthError):
    """The name is taken or none, or there is nowhere to write to."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Place:
    """Where a method and its test are written, and what it is imported as."""

    method: Path
    proof: Path
    module: str
    package: Path | None = None  # whose pyproject.toml names it; None in this checkout, which finds its own


def begin_method(kind: str, slug: str, package: Path | None) -> None:
    """Write a method and its test. Raises CannotAdd and UnknownName; then nothing was written."""
    from synth_dagster.cli.terminal import Terminal

    _check(kind, slug)
    place = place_of(kind, slug, package, Path.cwd())
    for path in (place.method, place.proof):
        if path.exists():
            raise CannotAdd(f"{path} is there already. Choose another name, or edit that file.")
    offered = _with_entry(place, slug) if place.package else None
    _write(place.method, method_text(kind, slug))
    _write(place.proof, proof_text(kind, slug, place.module))
    if place.package and offered is not None:
        _begin_package(place)
        (place.package / "pyproject.toml").write_text(offered, encoding="utf-8")
    Terminal().print(_told(place), highlight=False, soft_wrap=True)


def _check(kind: str, slug: str) -> None:
    if kind not in KINDS:
        raise UnknownName("kind of method", kind, KINDS)
    if not _SLUG.fullmatch(slug) or keyword.iskeyword(slug):
        raise CannotAdd(
            f"'{slug}' is no name for a method: small letters, digits and single underscores, a letter first, as in "
            "'gopher_quality'."
        )
    name = class_name(slug)
    if len(slug) > _LONGEST or keyword.iskeyword(name) or name.startswith("Test") or name in _IMPORTED:
        raise CannotAdd(
            f"'{slug[:_LONGEST]}' cannot name a method: it has more than {_LONGEST} characters, or its class would "
            f"be called '{name[:_LONGEST]}', as a word of Python, a test or what it is made of. Choose another."
        )
    if slug in _NO_TEXT:
        raise CannotAdd(f"'{slug}' cannot be a method's name: YAML reads it as a value. Choose another name.")
    if slug in methods():
        raise CannotAdd(f"There is a method '{slug}' already: {methods()[slug].__module__}. Choose another name.")


def place_of(kind: str, slug: str, package: Path | None, here: Path) -> Place:
    """Where it goes: into the package that is named, else this checkout, the package or the project one stands in."""
    if package is not None:
        return _in_package(package.resolve(), slug)
    for folder in (here, *here.parents):
        if (folder / "synth_dagster/methods").is_dir() and (folder / "pyproject.toml").is_file():
            base = folder / "synth_dagster/methods" / kind
            tests = folder / "tests/methods" / kind
            return Place(base / f"{slug}.py", tests / f"test_{slug}.py", f"synth_dagster.methods.{kind}.{slug}")
        if all((folder / mark).is_file() for mark in MARKS):
            return _in_package(folder / OWN, slug)
        if (folder / "pyproject.toml").is_file():
            return _in_package(folder, slug)
    raise CannotAdd("Here is no checkout, package or project. Change into one, or name a package with --package DIR.")


def _in_package(folder: Path, slug: str) -> Place:
    code = _code_of(folder)
    return Place(code / f"{slug}.py", folder / f"tests/test_{slug}.py", f"{code.name}.{slug}", folder)


def _code_of(folder: Path) -> Path:
    """The one importable folder of a package; that of a package which is not there yet."""
    if not (folder / "pyproject.toml").exists():
        if folder.name != OWN:
            raise CannotAdd(
                f"{folder} is no package: it has no pyproject.toml. Begin one there, or name another folder."
            )
        return folder / "src" / OWN
    found = sorted(path.parent for home in (folder / "src", folder) for path in home.glob("*/__init__.py"))
    found = [code for code in found if code.name != "tests"]
    if len(found) != 1:
        held = ", ".join(code.name for code in found) or "none"
        raise CannotAdd(f"{folder} must hold one importable folder, in src/ or beside pyproject.toml; it holds {held}.")
    return found[0]


def _with_entry(place: Place, slug: str) -> str:
    """The package's pyproject.toml with the entry point; its other lines stay as they are."""
    assert place.package is not None
    file = place.package / "pyproject.toml"
    text = file.read_text(encoding="utf-8") if file.exists() else _PACKAGE
    line = f'{slug} = "{place.module}"\n'
    new = (
        text.replace(f"{_SECTION}\n", f"{_SECTION}\n{line}", 1)
        if _SECTION in text
        else f"{text.rstrip()}\n\n{_SECTION}\n{line}"
    )
    try:
        named = tomllib.loads(new)["project"]["entry-points"][ENTRY_POINTS]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        named = {}
    if named.get(slug) != place.module:
        raise CannotAdd(f"{file} lists its entry points in a form of its own. Add this line:\n{_SECTION}\n{line}")
    return new


def _begin_package(place: Place) -> None:
    init = place.method.parent / "__init__.py"
    if not init.exists():
        _write(init, "")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _told(place: Place) -> str:
    install = f"pip install -e {shown(place.package)}\n" if place.package else ""
    return (
        f"Wrote {shown(place.method)} and {shown(place.proof)}.\nNext:\n"
        f"{install}python -m pytest {shown(place.proof)}\nOne test fails until the proof is written."
    )


def shown(path: Path) -> str:
    """A path as one would type it from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

"""Whether a C2PA manifest lets its asset be mined and trained on: the assertion `cawg.training-mining`, version 1.1.

Each entry allows, does not allow, or constrains one use; a constraint that says no more counts as not allowed. To train
a language model on a text it has to be mined and to be used for generative training. What is not there is no signal,
neither consent nor refusal. Manifests are read as `c2patool` prints them, or as a definition that it takes.

The assertion's schema calls the field `constraint_info` and its prose `constraints_info`; version 1.0 had the prefix
`c2pa.` and no `entries`. All of these are read.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

Use: TypeAlias = Literal["allowed", "constrained", "refused"]

LABELS = ("cawg.training-mining", "c2pa.training-mining")
PREFIXES = ("cawg.", "c2pa.")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "mining": ("data_mining",),
    "inference": ("ai_inference",),
    "training": ("ai_training", "data_mining"),
    "generative training": ("ai_generative_training", "data_mining"),
}
"""Purpose -> the entries that decide on it."""
ORDER: tuple[Use, ...] = ("refused", "constrained", "allowed")


def entries_of(manifest: Any) -> dict[str, Use]:
    """Entry, without its prefix -> what it says, the strictest of all assertions of all manifests."""
    found: dict[str, Use] = {}
    for data in _assertions(manifest):
        for name, entry in _entries(data):
            use = use_of(entry)
            if use is not None:
                found[name] = strictest(found.get(name, use), use)
    return found


def answer(entries: Mapping[str, Use], purpose: str) -> Use | None:
    """What the entries come to for a purpose: one that refuses is enough, to allow it takes all; None is no signal."""
    said = [entries.get(name) for name in NEEDED[purpose]]
    for use in ORDER[:2]:
        if use in said:
            return use
    return None if None in said else "allowed"


def use_of(entry: Any) -> Use | None:
    """What one entry says; None for what is no entry."""
    if not isinstance(entry, Mapping):
        return None
    told = [entry.get(name) for name in ("constraint_info", "constraints_info")]
    is_told = any(isinstance(one, str) and one.strip() for one in told)
    uses: Mapping[Any, Use] = {
        "allowed": "allowed",
        "notAllowed": "refused",
        "constrained": "constrained" if is_told else "refused",
    }
    said = entry.get("use")
    return uses.get(said) if isinstance(said, str) else None


def strictest(one: Use, other: Use) -> Use:
    return one if ORDER.index(one) <= ORDER.index(other) else other


def manifests_for(text: str, path: str) -> Any:
    """What a file of a site says about a path: one manifest for all of it, or an object of manifests by path."""
    try:
        told = json.loads(text) if text else None
    except ValueError:
        return None  # a page that says "not found", mostly
    if not isinstance(told, dict) or {"manifests", "assertions"} & told.keys():
        return told
    return told.get(path)


def _assertions(manifest: Any) -> Iterator[Any]:
    """The data of each assertion on mining and training."""
    if not isinstance(manifest, Mapping):
        return
    several = manifest.get("manifests")
    for one in several.values() if isinstance(several, Mapping) else ():
        yield from _assertions(one)
    listed = manifest.get("assertions")
    for assertion in listed if isinstance(listed, list) else ():
        if isinstance(assertion, Mapping) and str(assertion.get("label", "")).partition("__")[0] in LABELS:
            yield assertion.get("data")


def _entries(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        entries = data.get("entries", data)
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            yield next((name.removeprefix(one) for one in PREFIXES if name.startswith(one)), name), entry

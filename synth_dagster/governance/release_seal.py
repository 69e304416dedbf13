"""The manifest of a release in the lake: what it is, what it was made from and by what, each file with its hash.

It is written once, when the release is published, and never again: who approves it afterwards says so of this very
manifest, by its hash. It holds names, counts and hashes, and no record. A key that is configured signs its bytes.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from synth_dagster.errors import UnknownName
from synth_dagster.exports.base import maker
from synth_dagster.exports.verify import hash_of
from synth_dagster.governance.facts import facts_of
from synth_dagster.governance.versions import kind_of, pinned, pinned_by, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.lake.seals import Seal, Seals
from synth_dagster.records import Json, canonical_json
from synth_dagster.runner.verdicts import VERDICTS
from synth_dagster.signing import Signer


def manifest_file(release: Release) -> str:
    """Where the manifest of a release stands in the lake."""
    return f"releases/{release.dataset}/{release.release}.json"


def signature_file(release: Release) -> str:
    """Where its signature stands, if anybody signed it."""
    return f"releases/{release.dataset}/{release.release}.sig.json"


def is_described(release: Release) -> bool:
    """Whether the lake knows of a release all that a manifest says; of one of an older version it may not."""
    known = {"table", "batches", "token_counter", "missing", "recipe", "mix"} <= release.manifest.keys()
    return known and isinstance(release.manifest.get("verdicts"), dict)


def seal_release(lake: Lake, release: Release, signer: Signer | None) -> Seal:
    """Write the manifest of a release, signed if there is a key; of one that is sealed nothing is changed.

    The seal comes last: after a kill before it the same is done again.
    """
    seals = Seals(lake.meta.database)
    with lake.lease(f"seal/{release.dataset}/{release.release}", "exclusive"):
        known = seals.of(release.dataset, release.release)
        if known is not None:
            return known
        data = _text(_manifest(lake, release, signer)).encode()
        if signer is not None:
            _write(lake, signature_file(release), signer.sign(data))
        else:
            lake.store.remove(signature_file(release))  # of one who had a key and was killed
        _write(lake, manifest_file(release), data)
        made = Seal(sha256(data).hexdigest(), signer.key if signer else "")
        seals.add(release.dataset, release.release, made)
        return made


def _text(manifest: dict[str, Any]) -> str:
    return json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _write(lake: Lake, name: str, data: bytes) -> None:
    lake.store.write(name, lambda file: file.write(data), needed=len(data))


def _manifest(lake: Lake, release: Release, signer: Signer | None) -> dict[str, Any]:
    facts = facts_of(lake, release, kind_of(lake, release))
    recipes = {facts.recipe, *(version.recipe for version in facts.versions)}
    own = {one.stage: one.candidate_id for one in _own(lake, release)}
    return {
        "dataset": release.dataset,
        "release": release.release,
        **about_row(release),
        "built_by": release.manifest.get("built_by", {}),
        "rules_of_approval": release.manifest.get("approval", {}),
        "own": own,  # the versions that are the release: its rows and its verdicts
        "files": dict(_files(lake, release)),
        "recipes": {name: told for name in sorted(recipes) if (told := recipe_hash(lake, name))},
        "prompts": {name: told for name in facts.prompts if (told := prompt_hash(lake, name))},
        "facts": facts.as_json(),
        "created_by": maker(),
        "signed_by": signer.key if signer else "",
    }


def about_row(release: Release) -> dict[str, Json]:
    """What the metadata says of a release that must not change."""
    return {
        "identity": release.identity,
        "data_version": release.data_version,
        "records": release.records,
        "demo": release.demo,
        "run": release.run_id,
    }


def recipe_hash(lake: Lake, name: str) -> str | None:
    """The SHA-256 of a recipe's text as it is stored; None where it is not."""
    try:
        return sha256(lake.meta.recipe(name).encode()).hexdigest()
    except UnknownName:
        return None


def prompt_hash(lake: Lake, name: str) -> str | None:
    """The SHA-256 of a prompt's two templates, as canonical JSON; None where they are not stored."""
    try:
        return sha256(canonical_json(list(lake.meta.prompt(name))).encode()).hexdigest()
    except UnknownName:
        return None


def _own(lake: Lake, release: Release) -> list[Candidate]:
    shown = (lake.accepted(release.dataset, stage, release.release) for stage in (release.manifest["table"], VERDICTS))
    return [one for one in shown if one is not None]


def _versions(lake: Lake, release: Release) -> list[Candidate]:
    """What the release is, what it read, and what that was made from: each version once."""
    found = [
        *_own(lake, release),
        *(one for version in pinned(lake, release) for one in upwards(lake, version)),
        *pinned_by(lake, release.manifest, "signals"),
    ]
    return list({one.candidate_id: one for one in found}.values())


def _files(lake: Lake, release: Release) -> Iterator[tuple[str, dict[str, Json]]]:
    for one in _versions(lake, release):
        name = lake.file_of(one)
        size, digest = hash_of(lake.store, name)
        yield (
            name,
            {
                "bytes": size,
                "sha256": digest,
                "version": one.candidate_id,
                "stage": one.stage,
                "batch": one.batch,
                "data_version": one.data_version,
                "columns": sorted(lake.candidate_table(one).column_names),
            },
        )

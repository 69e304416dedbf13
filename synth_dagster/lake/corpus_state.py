"""What a version says of the corpus in view of which it was made: which version of which batch was accepted then.

A step that compares its batch with all others (`services.Corpus`) is of a state of the corpus, and is made anew for
another one. After an erasure nothing is to be made or paid again, so there the state is renamed (`erasing.py`). What
steps found in a corpus is kept beside the tables, by ids; an erasure removes all of it, and who looks finds it again.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from synth_dagster.lake.findings import FINDINGS, held, held_input
from synth_dagster.records import digest

if TYPE_CHECKING:
    from synth_dagster.lake.lake import Candidate, Lake
    from synth_dagster.storage import Store

FOUND = "retrieved"  # the folder of a lake


def name_of(stage: str) -> str:
    """The input of a version that holds the state; no stage can be called so."""
    return f"all batches of {stage}"


def state_of(versions: Mapping[str, str], away: Mapping[str, Mapping[bytes, str]]) -> str:
    """The state of batches with these data versions, of which these records are held back."""
    told = {batch: [version, *held_input(away.get(batch, {})).values()] for batch, version in versions.items()}
    return digest("corpus", told).hex()


def held_of(lake: "Lake", versions: Mapping[str, "Candidate"]) -> dict[str, Mapping[bytes, str]]:
    """Batch -> the records that are held back of it, where there are any."""
    dataset = next((version.dataset for version in versions.values()), "")
    if not versions or FINDINGS not in lake.table_names(dataset):
        return {}
    return {batch: away for batch, version in versions.items() if (away := held(lake, version))}


def forget_found(store: "Store", beginning: str = "") -> None:
    """Remove what was found in corpora, or what of it has a name that begins so; older versions go too."""
    for entry in list(store.entries(f"{FOUND}/{beginning}")):
        store.erase(entry.name)

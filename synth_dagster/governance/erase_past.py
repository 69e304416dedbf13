"""What past versions hold of what goes: children that no table shows, and texts that stood under another id."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.governance.erase_files import NO_TEXTS, Files, RowFile, is_in, texts_of
from synth_dagster.lake.doomed import rows_of
from synth_dagster.lake.holdings_rows import PARENT, RECORD
from synth_dagster.lake.ids import Ids, together
from synth_dagster.lake.layout import REJECTS
from synth_dagster.lake.lineage import Moment
from synth_dagster.lake.shingles import Needles


def closure(lineage: Moment, meant: Ids, files: Files) -> Ids:
    """Everything that was ever made from these records, and they themselves: sorted, each once."""
    edges: dict[str, tuple[Ids, Ids]] = {}
    seen = frontier = meant
    while len(frontier):
        below = Ids.from_arrow(lineage.reach(frontier.to_arrow()))
        all_of_them = together([frontier, below]).unique()
        hidden = [Ids.none()]
        for file in files.naming(PARENT, all_of_them):
            if not file.shown:
                children, parents = edges.get(file.stored.name) or edges.setdefault(file.stored.name, _edges(file))
                hidden.append(children.take((parents.places_in(all_of_them) >= 0).nonzero()[0]))
        frontier = together([below, *hidden]).unique().without(seen)
        seen = together([seen, frontier]).unique()
    return seen


def _edges(file: RowFile) -> tuple[Ids, Ids]:
    """The edges of a file, as two columns: child and parent."""
    children, parents = [Ids.none()], [Ids.none()]
    for part in rows_of(file.lake, file.stored, ["record_id", "parents"]).to_batches():
        at = pc.list_parent_indices(part["parents"])  # type: ignore[attr-defined]
        children.append(Ids.from_arrow(part["record_id"].take(at)))
        parents.append(Ids.from_arrow(pc.list_flatten(part["parents"]).field("record_id")))  # type: ignore[attr-defined]
    return together(children), together(parents)


def said_before(files: Files, doomed: Ids) -> Ids:
    """Rows of past versions that say what goes under another id: a text made again is another record."""
    places = {file.place for file in _with_text(files.naming(RECORD, doomed))}
    near = _with_text(files.of_places(places))
    if all(file.shown for file in near):
        return Ids.none()
    wanted, needles = doomed.to_arrow(), Needles()
    for file in near:
        rows = file.whole()
        for text in texts_of(rows.filter(is_in(rows, wanted)), file.stored.table):
            needles.add(text)
    for file in near:
        if file.shown:
            rows = file.whole()
            stays = rows.filter(pc.invert(is_in(rows, wanted)))  # type: ignore[attr-defined]
            needles = needles.without(needles.found_in(texts_of(stays, file.stored.table)))
    past = [_saying(file, needles) for file in near if not file.shown]
    return together(past).unique().without(doomed)


def _with_text(files: Sequence[RowFile]) -> list[RowFile]:
    return [file for file in files if file.stored.table not in (REJECTS, *NO_TEXTS)]


def _saying(file: RowFile, needles: Needles) -> Ids:
    """The records of a file that say one of these."""
    rows = file.whole()
    said = [needles.occur_in(texts_of(rows.slice(at, 1), file.stored.table)) for at in range(rows.num_rows)]
    return Ids.from_arrow(rows["record_id"].filter(pa.array(said, pa.bool_())))

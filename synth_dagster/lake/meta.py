"""What the lake knows beside the tables: plans, candidates, gates, runs, prompts, recipes, releases.

Everything here is small, and nothing here is record text. Where this and a Delta table could disagree, namely on which
candidate is the accepted one, the table is right and `Lake` corrects what stands here.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.lake.database import Database, Transaction, open_database
from synth_dagster.lake.meta_schema import MIGRATIONS
from synth_dagster.lake.meta_values import (
    Candidate,
    Gate,
    PlannedBatch,
    Release,
    candidate_of,
    candidate_row,
    gate_of,
    planned_of,
    release_of,
    release_row,
)
from synth_dagster.records import canonical_json
from synth_dagster.storage import Store

NOTE_VERSION = """insert into run_versions (run_id, dataset, table_name, version, committed_at) values (?, ?, ?, ?, ?)
    on conflict do nothing"""


class Meta:
    """The metadata of a lake, in the database at `where`: a file, or a Postgres URL.

    Copies of recipes for people go to the lake's `store`.
    """

    def __init__(self, where: str | Path, store: Store) -> None:
        self.database: Database = open_database(where, MIGRATIONS)
        self._store = store

    # ------------------------------------------------------------------------------------------------------ recipes

    def store_recipe(self, dataset: str, text: str) -> str:
        """Keep a recipe as it was launched; its hash. A copy that people can open lies under `recipes/`."""
        hashed = sha256(text.encode()).hexdigest()[:16]
        self.database.write(
            "insert into recipes values (?, ?, ?, ?) on conflict do nothing", (hashed, dataset, text, time.time())
        )
        if self._store.entry(copy := f"recipes/{hashed}.yaml") is None:
            self._store.create(copy, text.encode())
        return hashed

    def recipe(self, hashed: str) -> str:
        """The text of a recipe."""
        row = self.database.row("select text from recipes where hash = ?", (hashed,))
        if row is None:
            raise UnknownName("stored recipe", hashed, self._column("hash", "from recipes"))
        return row["text"]

    # ------------------------------------------------------------------------------------------------------ batches

    def plan(self, dataset: str, source: str, batches: Sequence[PlannedBatch]) -> list[PlannedBatch]:
        """Replace the plan of one source. Batches that are in it no longer are retired; those that were just now."""
        stranger = next((b for b in batches if (b.dataset, b.source) != (dataset, source)), None)
        if stranger:
            raise LakeError(f"The plan of {dataset}/{source} holds the batch '{stranger.batch}' of another source.")
        now = time.time()
        with self.database.transaction() as connection:
            kept = {batch.batch for batch in batches}
            old = connection.execute(
                "select * from batches where dataset = ? and source = ? and state = 'active' order by place",
                (dataset, source),
            ).fetchall()
            gone = [planned_of(row) for row in old if row["batch"] not in kept]
            for batch in gone:
                connection.execute(
                    "update batches set state = 'retired' where dataset = ? and batch = ?", (dataset, batch.batch)
                )
            for place, batch in enumerate(batches):
                connection.execute(
                    """insert into batches values (?, ?, ?, ?, ?, ?, 'active', ?, ?)
                       on conflict (dataset, batch) do update set source = excluded.source, digest = excluded.digest,
                       count = excluded.count, start = excluded.start, state = excluded.state,
                       planned_at = excluded.planned_at, place = excluded.place""",
                    (dataset, batch.batch, source, batch.digest, batch.count, batch.start, now, place),
                )
        return [replace(batch, state="retired") for batch in gone]

    def planned(self, dataset: str, *, active_only: bool = True) -> list[PlannedBatch]:
        """The plan of a dataset, by source, in the order of the delivery."""
        wanted = "and state = 'active'" if active_only else ""
        rows = self.database.rows(f"select * from batches where dataset = ? {wanted}", (dataset,))
        # sorted here: databases differ in how they order text
        in_order = sorted(rows, key=lambda row: (row["source"], row["state"], row["place"], row["batch"]))
        return [planned_of(row) for row in in_order]

    def planned_batch(self, dataset: str, batch: str) -> PlannedBatch:
        """One batch of the plan, retired or not."""
        row = self.database.row("select * from batches where dataset = ? and batch = ?", (dataset, batch))
        if row is None:
            known = self._column("batch", "from batches where dataset = ?", dataset)
            raise UnknownName(f"batch of {dataset}", batch, known, "'synth status' lists them all.")
        return planned_of(row)

    # --------------------------------------------------------------------------------------------------- candidates

    def candidate(self, candidate_id: str) -> Candidate:
        """One candidate by its id."""
        row = self.database.row("select * from candidates where candidate_id = ?", (candidate_id,))
        if row is None:
            raise LakeError(
                f"{self.database.name} does not know the version {candidate_id} that a table shows. It is older than "
                "the tables: restore the copy that belongs to them. Without one, move the dataset's folder out of the "
                "lake and run its recipe again: what the teacher answered is kept, releases are not."
            )
        return candidate_of(row)

    def candidates(self, dataset: str, stage: str, batch: str | None = None) -> list[Candidate]:
        """Every candidate of a stage, or of one of its batches, oldest first."""
        one = "" if batch is None else "and batch = ?"
        values = (dataset, stage) if batch is None else (dataset, stage, batch)
        rows = self.database.rows(
            f"select * from candidates where dataset = ? and stage = ? {one} order by number",
            values,
        )
        return [candidate_of(row) for row in rows]

    def awaiting(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The candidate of a batch that no gate has decided on."""
        row = self.database.row(
            "select * from candidates where dataset = ? and stage = ? and batch = ? and state = 'awaiting' "
            "order by number desc limit 1",
            (dataset, stage, batch),
        )
        return candidate_of(row) if row else None

    def add_candidate(self, candidate: Candidate) -> tuple[Candidate, list[Candidate]]:
        """Add a candidate; it with its number, and the older ones it replaces, whose files nobody can need.

        One whose acceptance has begun is not among these: its files may be in a table.
        """
        with self.database.transaction() as connection:
            replaced = _replace_undecided(connection, candidate.dataset, candidate.stage, candidate.batch)
            row = candidate_row(candidate)
            marks = ", ".join("?" for _ in row)
            added = connection.execute(
                f"insert into candidates ({', '.join(row)}) values ({marks}) returning number",
                tuple(row.values()),
            ).fetchone()
        return replace(candidate, number=added["number"] if added else 0), replaced

    def drop_undecided(self, dataset: str, stage: str, batch: str) -> list[Candidate]:
        """Give up the candidates of a batch that are not accepted; those whose files nobody can need."""
        with self.database.transaction() as connection:
            return _replace_undecided(connection, dataset, stage, batch)

    def begin_accept(self, candidate_id: str) -> None:
        """From here on the candidate's files stay. Raises when a newer candidate has taken its place."""
        changed = self.database.write(
            "update candidates set committing = 1 where candidate_id = ? and (state <> 'replaced' or committing = 1)",
            (candidate_id,),
        )
        if not changed:
            raise LakeError(
                f"The candidate {candidate_id} was replaced by a newer one of its batch. Check and accept that one."
            )

    def finish_accept(self, candidate: Candidate, versions: Mapping[str, int]) -> None:
        """Record what a commit has made true: the state, and which version of which table the run made."""
        now = time.time()
        with self.database.transaction() as connection:
            connection.execute(
                "update candidates set state = 'accepted', committing = 1, version = ? where candidate_id = ?",
                (versions[candidate.stage], candidate.candidate_id),
            )
            for table, version in versions.items():
                connection.execute(NOTE_VERSION, (candidate.run_id, candidate.dataset, table, version, now))

    def refuse(self, candidate_id: str) -> None:
        """The gate has said no. What is accepted stays accepted."""
        self.database.write(
            "update candidates set state = 'refused' where candidate_id = ? and state = 'awaiting'", (candidate_id,)
        )

    def add_version(self, run_id: str, dataset: str, table: str, version: int) -> None:
        """A table version that a run made without a candidate."""
        self.database.write(NOTE_VERSION, (run_id, dataset, table, version, time.time()))

    # --------------------------------------------------------------------------------------------------------- gates

    def record_gate(
        self, candidate_id: str, passed: bool, suite: str, checks: Sequence[Mapping[str, Any]], guards: str = ""
    ) -> None:
        """Keep what the checks said. Checks can run again after a suite was edited; the latest counts."""
        self.add_gate(Gate(candidate_id, passed, suite, checks, time.time(), guards))

    def add_gate(self, gate: Gate) -> None:
        """Keep what checks said at their time. Raises LakeError for a candidate that is none."""
        told = (gate.passed, gate.suite, canonical_json(gate.checks), gate.checked_at, gate.guards)
        recorded = self.database.write(
            "insert into gates (candidate_id, passed, suite, checks, checked_at, guards) "
            "select candidate_id, ?, ?, ?, ?, ? from candidates where candidate_id = ?",
            (*told, gate.candidate_id),
        )
        if not recorded:
            raise LakeError(f"No candidate has the id {gate.candidate_id}: a gate is recorded for one that exists.")

    def gate(self, candidate_id: str) -> Gate | None:
        """What the checks of a candidate said last; of an erasure's copy that no table shows, of what it copies."""
        row = self.database.row(
            "select * from gates where candidate_id = ? order by number desc limit 1", (candidate_id,)
        )
        if row:
            return gate_of(row)
        note = self.database.row("select old from erased_versions where new = ?", (candidate_id,))
        return self.gate(note["old"]) if note else None

    def is_left_by_an_erasure(self, candidate_id: str) -> bool:
        """Whether it is what an erasure left of an older version."""
        return self.database.row("select old from erased_versions where new = ?", (candidate_id,)) is not None

    def gates(self, dataset: str) -> list[Gate]:
        """The latest gate of every candidate of a dataset that was checked, oldest candidate first."""
        rows = self.database.rows(
            """select gates.* from gates join candidates using (candidate_id) where dataset = ? and gates.number in
               (select max(number) from gates group by candidate_id) order by candidates.number""",
            (dataset,),
        )
        return [gate_of(row) for row in rows]

    # ---------------------------------------------------------------------------------------------------------- runs

    def versions_as_of(self, dataset: str, run: str) -> dict[str, int]:
        """Table -> version at the moment that a run made its last commit. A prefix of the run's id will do."""
        run_id = self._run_of(dataset, run)
        rows = self.database.rows(
            """select table_name, max(version) as version, max(case when run_id = ? then version end) as own
               from run_versions where dataset = ?
               and seq <= (select max(seq) from run_versions where dataset = ? and run_id = ?) group by table_name""",
            (run_id, dataset, dataset, run_id),
        )
        # a version that was recorded late, after a crash, must not bring later ones in where the run's own is known
        return {row["table_name"]: row["version"] if row["own"] is None else row["own"] for row in rows}

    def _run_of(self, dataset: str, prefix: str) -> str:
        known = self._column("run_id", "from run_versions where dataset = ? group by run_id", dataset)
        found = [run_id for run_id in known if run_id == prefix] or [
            r for r in known if prefix and r.startswith(prefix)
        ]
        if not found:
            raise UnknownName(f"run that changed {dataset}", prefix, known)
        if len(found) > 1:
            shown = ", ".join(sorted(found)[:5])
            raise LakeError(f"'{prefix}' begins the ids of {len(found)} runs: {shown}. Give more of the id.")
        return found[0]

    # ------------------------------------------------------------------------------------------------------- prompts

    def remember_prompt(self, prompt_hash: str, system: str, user: str) -> None:
        """Keep a prompt template, so that the hash that a record carries can be read."""
        self.database.write("insert into prompts values (?, ?, ?) on conflict do nothing", (prompt_hash, system, user))

    def prompt(self, prompt_hash: str) -> tuple[str, str]:
        """System and user template of a prompt."""
        row = self.database.row('select system, "user" from prompts where prompt_hash = ?', (prompt_hash,))
        if row is None:
            raise UnknownName("prompt", prompt_hash, self._column("prompt_hash", "from prompts"))
        return row["system"], row["user"]

    # ------------------------------------------------------------------------------------------------- code versions

    def remember_code_version(self, code_version: str, made_by: Mapping[str, Any]) -> None:
        """Keep what a code version stands for, so that a later one can be compared with it."""
        text = canonical_json(made_by)
        self.database.write("insert into code_versions values (?, ?) on conflict do nothing", (code_version, text))

    def made_by(self, code_version: str) -> dict[str, Any] | None:
        """What a code version stands for; None for one of a time when this was not written down."""
        row = self.database.row("select made_by from code_versions where code_version = ?", (code_version,))
        return json.loads(row["made_by"]) if row else None

    # ------------------------------------------------------------------------------------------------------ releases

    def add_release(self, release: Release) -> Release:
        """Publish a release. The same name with the same data is the same release; with other data it is refused."""
        made = replace(release, created_at=release.created_at or time.time())
        with self.database.transaction() as connection:
            row = connection.execute(
                "select * from releases where dataset = ? and release = ?", (made.dataset, made.release)
            ).fetchone()
            if row is None:
                made_row = release_row(made)
                connection.execute(
                    f"""insert into releases ({", ".join(made_row)}, number)
                        select {", ".join("?" for _ in made_row)}, coalesce(max(number), 0) + 1 from releases""",
                    tuple(made_row.values()),
                )
                return made
        if row["data_version"] != made.data_version:
            raise LakeError(
                f"Release {made.release} of {made.dataset} is published with the data version {row['data_version']} "
                f"and was made again with {made.data_version}. Releases do not change: publish it under a new name."
            )
        return release_of(row)

    def releases(self, dataset: str) -> list[Release]:
        """All releases of a dataset, oldest first, withdrawn ones too."""
        rows = self.database.rows("select * from releases where dataset = ? order by number", (dataset,))
        return [release_of(row) for row in rows]

    def release(self, dataset: str, name: str) -> Release:
        """One release by name."""
        row = self.database.row("select * from releases where dataset = ? and release = ?", (dataset, name))
        if row is None:
            known = self._column("release", "from releases where dataset = ?", dataset)
            raise UnknownName(f"release of {dataset}", name, known)
        return release_of(row)

    def next_release_name(self, dataset: str) -> str:
        """r0001, r0002 ...: the number after the highest that was used."""
        names = self._column("release", "from releases where dataset = ?", dataset)
        numbers = [int(name[1:]) for name in names if name[:1] == "r" and name[1:].isdecimal()]
        return f"r{max(numbers, default=0) + 1:04d}"

    def _column(self, name: str, where: str, *values: str) -> list[str]:
        return [row[name] for row in self.database.rows(f"select {name} {where}", values)]


# ------------------------------------------------------------------------------------------------------ the sums below


def _replace_undecided(connection: Transaction, dataset: str, stage: str, batch: str) -> list[Candidate]:
    """Mark the awaiting and refused candidates of a batch as replaced; those that were never being accepted."""
    where = "where dataset = ? and stage = ? and batch = ? and state in ('awaiting', 'refused')"
    rows = connection.execute(f"select * from candidates {where}", (dataset, stage, batch)).fetchall()
    connection.execute(f"update candidates set state = 'replaced' {where}", (dataset, stage, batch))
    return [candidate_of(row) for row in rows if not row["committing"]]

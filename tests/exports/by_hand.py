"""Records, and exports of them without a lake."""

import json
from pathlib import Path

import pyarrow as pa

from synth_dagster import exports
from synth_dagster.exports.base import Form, Origin
from synth_dagster.exports.place import Folder
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Instruction, Message, Preference, digest

ORIGIN = Origin(dataset="demo_set", release="r0001", data_version="v1")


def user(text):
    return Message("user", text)


def assistant(text, **more):
    return Message("assistant", text, **more)


def document(text, **more):
    return Document(body=text, record_id=digest(text), license="MIT", source="notes", **more)


def instruction(question, answer, **more):
    return Instruction.single(question, answer, record_id=digest(question), license="MIT", source="notes", **more)


def talk(*messages):
    return Instruction(messages=messages, record_id=digest([message.content for message in messages]))


def pair(question, **more):
    sides = {"prompt": (user(question),), "chosen": (assistant("Yes."),), "rejected": (assistant("No."),)} | more
    return Preference(record_id=digest(question), license="MIT", source="notes", **sides)


def rows(records, kind, copies=None, batch=2):
    """The mix's rows: a kind's columns and `copies`, as a stream of small batches."""
    table = to_table(records, kind)
    if copies is not None:
        table = table.append_column("copies", pa.array(copies, pa.int32()))
    return iter(table.to_batches(max_chunksize=batch))


def exported(slug, records, kind, *, to, copies=None, origin=ORIGIN, form=None):
    place = Folder(to) if isinstance(to, Path) else to
    return exports.exporter(slug).export(
        rows(records, kind, copies), kind, to=place, origin=origin, form=form or Form()
    )


def lines_of(path: Path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

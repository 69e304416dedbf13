"""What went no further in a run: answers, inputs and records, each with its reason and a text to show for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def gone(
    rows: Mapping[tuple[str, bytes], Row], rejects: Sequence[Row], verdicts: Sequence[Row]
) -> Iterator[tuple[str, str]]:
    """step:reason and text of each, once; the text is empty where nothing of it is kept."""
    by_id = {record_id: row for (_, record_id), row in rows.items()}
    eliminated, current = _of_status(rows, "eliminated"), _of_status(rows, "current")
    for reject in rejects:
        if reject["record_id"] not in eliminated:
            raw = "" if (reject["raw"] or "").endswith("[]}") else reject["raw"]  # an empty list says nothing
            told = raw or text_of(by_id.get(reject["record_id"], {}))
            yield f"{reject['step']}:{reject['reason']}", told or reject["location"] or ""
    for row in rows.values():
        if row["status"] == "eliminated":
            yield row["reason"], text_of(row)
    for verdict in verdicts:
        if verdict["verdict"] == "dropped" and verdict["record_id"] in current:
            yield verdict["reason"], text_of(by_id[verdict["record_id"]])


def _of_status(rows: Mapping[tuple[str, bytes], Row], status: str) -> set[bytes]:
    return {record_id for (_, record_id), row in rows.items() if row["status"] == status}


def text_of(row: Row) -> str:
    """A record in one text: of a dialogue its first question and last answer, of a pair what was rejected."""
    if "messages" in row:
        turns = [str(turn["content"] or "") for turn in row["messages"] if turn["role"] != "system"]
        return " / ".join(filter(None, [*turns[:1], *turns[1:][-1:]]))
    if "chosen" in row:
        return text_of({"messages": [*row["prompt"], *row["rejected"]]})
    return str(row.get("text") or "")

"""Holds events against the schemas that OpenLineage publishes, for those who have a copy of them.

    python -m tests.governance.openlineage_check EVENTS SPEC

EVENTS is a file of JSON lines, SPEC the folder `spec` of OpenLineage's repository. The client's package does not bring
the schemas, so tests hold events against its classes, which are generated from them.
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource


def problems(events: Path, spec: Path) -> list[str]:
    """What the published schemas find wrong with the events and with each of their facets."""
    schemas = [json.loads(path.read_text()) for path in (spec / "OpenLineage.json", *(spec / "facets").glob("*.json"))]
    registry = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in schemas])
    base = next(one["$id"] for one in schemas if one["$id"].endswith("/OpenLineage.json"))
    found = []
    for number, line in enumerate(events.read_text().splitlines(), start=1):
        event = json.loads(line)
        for part, schema in [(event, f"{base}#/$defs/RunEvent"), *facets_of(event)]:
            validator = Draft202012Validator(
                {"$ref": schema}, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
            )
            found += [f"line {number}, {schema}: {error.message}" for error in validator.iter_errors(part)]
    return found


def facets_of(part):
    """Every facet of an event with the schema that it names."""
    if isinstance(part, dict):
        for value in part.values():
            if isinstance(value, dict) and "_schemaURL" in value:
                yield value, value["_schemaURL"]
            yield from facets_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from facets_of(value)


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(wrong) or "every event and facet is valid")
    sys.exit(bool(wrong))

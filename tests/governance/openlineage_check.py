"""Holds events against the schemas that OpenLineage publishes.

    python -m tests.governance.openlineage_check EVENTS [SPEC]

EVENTS is a file of JSON lines. SPEC is the folder `spec` of OpenLineage's repository, for another version than the one
in tests/fixtures. A schema that is not there is a mistake: an event may not name one that nobody publishes.
"""

import json
import sys
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable

PUBLISHED = Path(__file__).parents[1] / "fixtures" / "openlineage"


class Published:
    """The schemas of a folder."""

    def __init__(self, spec: Path = PUBLISHED) -> None:
        paths = (spec / "OpenLineage.json", *sorted((spec / "facets").glob("*.json")))
        schemas = [json.loads(path.read_text()) for path in paths]
        self.registry = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in schemas])
        self.event = f"{schemas[0]['$id']}#/$defs/RunEvent"

    def mistakes(self, event) -> list[str]:
        """What is wrong with an event and with each of its facets."""
        return [told for part, schema in [(event, self.event), *facets_of(event)] for told in self._wrong(part, schema)]

    def _wrong(self, part, schema) -> list[str]:
        checker = Draft202012Validator.FORMAT_CHECKER
        validator = Draft202012Validator({"$ref": schema}, registry=self.registry, format_checker=checker)
        try:
            return [f"{schema}: {error.message}" for error in validator.iter_errors(part)]
        except Unresolvable:
            return [f"{schema}: nobody publishes it"]


@cache
def published() -> Published:
    return Published()


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
    spec = Published(Path(sys.argv[2])) if len(sys.argv) > 2 else Published()
    lines = enumerate(Path(sys.argv[1]).read_text().splitlines(), start=1)
    wrong = [f"line {number}, {told}" for number, line in lines for told in spec.mistakes(json.loads(line))]
    print("\n".join(wrong) or "every event and facet is valid")
    sys.exit(bool(wrong))

"""What models at one endpoint understand: which fields a request may have, and how they can be asked for a schema.

A field that a model refused is left out of all its later requests. How a model takes a schema is found out by a probe;
but it may refuse one schema and take all others, for a keyword in it. So a refusal lowers the mode for that schema
alone, and only once an answer has come in the lower mode: what is refused in every form says nothing about others.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from synth_dagster.records import Json, digest
from synth_dagster.teacher.faults import Fault
from synth_dagster.teacher.structured import IN_WORDS, MODES, Mode

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a model at an endpoint was found to understand; it begins with the best."""

    mode: Mode = "json_schema"
    described: bool = True  # whether the model reads the descriptions in a schema that is a field of the request
    token_field: str = "max_tokens"  # noqa: S105 - the name of a request field
    seed: bool = True
    base64: bool = True

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Dialect":
        """The dialect of `as_json`. Raises ValueError, KeyError or TypeError for anything else."""
        dialect = cls(**{field.name: found[field.name] for field in fields(cls)})
        if dialect.mode not in MODES or dialect.token_field not in TOKEN_FIELDS:
            raise ValueError("no dialect of this version")
        return dialect

    def as_json(self) -> dict[str, Json]:
        return asdict(self)

    def after(self, fault: Fault, *, has_schema: bool) -> "Dialect":
        """The dialect to try after a refusal; the same one where other words would not help."""
        if fault.what != "request" or fault.status not in (400, 422):
            return self
        if fault.field in TOKEN_FIELDS:
            return replace(self, token_field=TOKEN_FIELDS[-1])
        if fault.field in ("seed", "encoding_format"):
            return replace(self, seed=False) if fault.field == "seed" else replace(self, base64=False)
        if has_schema and fault.field != "temperature" and self.mode != MODES[-1]:
            return replace(self, mode=MODES[MODES.index(self.mode) + 1])
        return self


TOKEN_FIELDS = ("max_tokens", "max_completion_tokens")


class Dialects:
    """The dialects of all models at one endpoint, as this run knows them."""

    def __init__(self, address: str) -> None:
        self._address = address  # as it may be shown
        self._of: defaultdict[str, Dialect] = defaultdict(Dialect)
        self._lowered: dict[tuple[str, bytes], Mode] = {}  # model and schema -> the mode in which it takes that one
        self._probed: set[str] = set()  # models whose mode is known
        self._recalled: set[str] = set()  # models whose dialect is that of an earlier run
        self.doubted: dict[str, float] = {}  # when what an earlier run had found out of a model was refused
        self.news: set[str] = set()  # models of which more is known than was written down

    def of(self, model: str, schema: Json = None) -> Dialect:
        """The dialect for a request to that model with that schema."""
        found = self._of[model]
        if schema is None or not self._lowered:
            return found
        lowered = self._lowered.get((model, digest(schema)), found.mode)
        return replace(found, mode=max(lowered, found.mode, key=MODES.index))

    def knows_mode(self, model: str) -> bool:
        """Whether it was found out how that model takes a schema."""
        return model in self._probed

    def recall(self, model: str, dialect: Dialect, *, is_probed: bool) -> None:
        """What an earlier run has found out."""
        self._of[model] = dialect
        self._recalled.add(model)
        if is_probed:
            self._probed.add(model)

    def found(self, model: str, mode: Mode, *, described: bool) -> None:
        """What a probe has found out."""
        self._of[model] = replace(self._of[model], mode=mode, described=described)
        self._probed.add(model)
        self._recalled.discard(model)
        self.news.add(model)

    def doubt(self, model: str) -> bool:
        """The endpoint refuses what an earlier run has found out: it is forgotten. Whether there was any such thing."""
        if model not in self._recalled:
            return False
        self._recalled.discard(model)
        self._probed.discard(model)
        self._of[model] = Dialect()
        self.doubted[model] = time.time()
        self.news.add(model)
        return True

    def learn(self, model: str, schema: Json, used: Dialect, why: Fault) -> bool:
        """An answer came in other words than were known, after that refusal. Whether a schema's mode is new by it."""
        known = self._of[model]
        now = replace(used, mode=known.mode, described=known.described)
        if now != known:
            self._of[model] = now
            self.news.add(model)
        if schema is None or MODES.index(used.mode) <= MODES.index(self.of(model, schema).mode):
            return False
        self._lowered[model, digest(schema)] = used.mode
        return True

    def warn(self, model: str, schema: Json, used: Dialect, why: Fault) -> None:
        """Says once that a schema is asked for in a lower mode."""
        log.warning(
            "The model '%s' at %s refuses the schema of %s (%s), so it is asked for that %s.",
            model,
            self._address,
            _named(schema),
            why.said,
            IN_WORDS[used.mode],
        )


class Wording:
    """How one request is put: in the known dialect, and in other words as often as it is refused for its words."""

    def __init__(self, dialects: Dialects, model: str, schema: Json, *, quiet: bool = False) -> None:
        """`quiet`: a schema that is refused is nothing to warn of."""
        self._dialects, self._model, self._schema, self._quiet = dialects, model, schema, quiet
        self._known = self.used = dialects.of(model, schema)
        self._why: Fault | None = None

    def renew(self) -> None:
        """Begins in the words that others have found meanwhile."""
        if self._why is None:
            self._known = self.used = self._dialects.of(self._model, self._schema)

    def refused(self, fault: Fault) -> bool:
        """Whether the request is worth sending again, in the words that `used` now has."""
        if fault.what != "request":
            return False
        other = self.used.after(fault, has_schema=self._schema is not None)
        is_about_words = other != self.used or fault.field in TOKEN_FIELDS
        if is_about_words and self._dialects.doubt(self._model):
            self._known = Dialect()
            other = self._known if self._known != self.used else other
        elif (now := self._dialects.of(self._model, self._schema)) != self._known:
            self._known = now  # another request has found it out meanwhile
            other = now if now != self.used else other
        if other == self.used:
            return False
        self.used, self._why = other, fault
        return True

    def answered(self) -> None:
        """The request was answered in these words."""
        if self._why is None:
            return
        is_new = self._dialects.learn(self._model, self._schema, self.used, self._why)
        if is_new and not self._quiet:
            self._dialects.warn(self._model, self._schema, self.used, self._why)


def _named(schema: Json) -> str:
    """A schema by the fields of its answer, which are a method's words and nobody's data."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return ", ".join(f"'{name}'" for name in properties) if isinstance(properties, Mapping) else "no fields"

"""What models at endpoints understand: which fields of a request, and in which way they can be asked for a schema."""

from dataclasses import dataclass, replace

from synth_dagster.teacher.faults import Fault
from synth_dagster.teacher.structured import MODES, Mode


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a model at an endpoint was found to understand; it begins with the best."""

    mode: Mode = "json_schema"
    token_field: str = "max_tokens"  # noqa: S105 - the name of a request field
    seed: bool = True
    base64: bool = True

    def after(self, fault: Fault, *, has_schema: bool) -> "Dialect":
        """The dialect to try after a refusal; the same one where other words would not help."""
        if fault.what != "request" or fault.status not in (400, 422):
            return self
        if fault.field in ("max_tokens", "max_completion_tokens"):
            return replace(self, token_field="max_completion_tokens")  # noqa: S106 - the name of a request field
        if fault.field in ("seed", "encoding_format"):
            return replace(self, seed=False) if fault.field == "seed" else replace(self, base64=False)
        if has_schema and fault.field != "temperature" and self.mode != MODES[-1]:
            return replace(self, mode=MODES[MODES.index(self.mode) + 1])
        return self

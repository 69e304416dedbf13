"""The kinds of method. The base class is the kind, the file name the slug, the fields are the settings.

A method is a frozen pydantic model with one verb. What it needs from outside is named in the verb's signature after `*`
(`synth_dagster.services`). The runner stamps ids, lineage, licence and run onto what a verb returns, so a method only
says what a record contains and what it was made from.
"""

from synth_dagster.method.base import (
    Family,
    InputPath,
    LabelsPath,
    Lifecycle,
    Method,
    MethodKind,
    Need,
    Proof,
    ProofLevel,
)
from synth_dagster.method.curation import (
    DOMAINS,
    GUARDED,
    Deduplicator,
    Filter,
    Guard,
    Measure,
    Measurement,
    Mixer,
    Mixture,
    Rules,
    Selector,
    Signals,
    Trainer,
)
from synth_dagster.method.generation import Augmenter, PoolSynthesizer, Refiner, Synthesizer
from synth_dagster.method.kinds import KINDS, ROW_KINDS

__all__ = [
    "DOMAINS",
    "GUARDED",
    "KINDS",
    "ROW_KINDS",
    "Augmenter",
    "Deduplicator",
    "Family",
    "Filter",
    "Guard",
    "InputPath",
    "LabelsPath",
    "Lifecycle",
    "Measure",
    "Measurement",
    "Method",
    "MethodKind",
    "Mixer",
    "Mixture",
    "Need",
    "PoolSynthesizer",
    "Proof",
    "ProofLevel",
    "Refiner",
    "Rules",
    "Selector",
    "Signals",
    "Synthesizer",
    "Trainer",
]

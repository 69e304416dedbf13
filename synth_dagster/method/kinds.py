"""Which base classes a kind has, and which kinds may be a step of what."""

from synth_dagster.method.base import Method, MethodKind
from synth_dagster.method.curation import Deduplicator, Filter, Guard, Measure, Mixer, Selector, Trainer
from synth_dagster.method.generation import Augmenter, PoolSynthesizer, Refiner, Synthesizer

KINDS: dict[MethodKind, tuple[type[Method], ...]] = {
    "synthesize": (Synthesizer, PoolSynthesizer),
    "augment": (Augmenter,),
    "refine": (Refiner,),
    "filter": (Filter,),
    "dedup": (Deduplicator,),
    "select": (Selector,),
    "mix": (Mixer,),
    "measure": (Measure,),
    "guard": (Guard,),
    "train": (Trainer,),
}

ROW_KINDS: frozenset[MethodKind] = frozenset({"synthesize", "augment", "refine", "filter"})
"""What may be a step of a row stage; a mix takes filter, dedup, select, mix and measure, and both take guards."""

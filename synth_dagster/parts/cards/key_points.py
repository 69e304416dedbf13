"""Ideas of KPMath for new problems (arXiv:2403.02333): topics that occur together, each with a problem that has it."""

from collections.abc import Sequence
from dataclasses import dataclass

from synth_dagster.parts.asking.calls import tagged
from synth_dagster.parts.cards.topic_matrix import Topic, TopicMatrix
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction


@dataclass(frozen=True, slots=True)
class LabelledProblem:
    """A problem with its topics."""

    record: Instruction
    topics: Sequence[Topic]
    calls: Sequence[bytes] = ()  # by which it was labelled

    def points(self, name: str) -> tuple[str, ...]:
        return next((topic.points for topic in self.topics if topic.name == name), ())


@dataclass(frozen=True, slots=True)
class Idea:
    """What a new problem is to take together: topics, and for each a seed that shows it with its key points there."""

    number: int
    topics: tuple[str, ...]
    seeds: tuple[LabelledProblem, ...]

    @property
    def points(self) -> list[str]:
        return list(
            dict.fromkeys(p for name, seed in zip(self.topics, self.seeds, strict=True) for p in seed.points(name))
        )

    @property
    def calls(self) -> tuple[bytes, ...]:
        """Those that labelled its seeds."""
        return tuple(call for seed in self.seeds for call in seed.calls)

    @property
    def parents(self) -> tuple[Instruction, ...]:
        return tuple({seed.record.record_id: seed.record for seed in self.seeds}.values())

    def shown(self, *, solved: bool) -> str:
        """The seed problems, or those that have a solution, with it."""
        found = [one for one in self.parents if not solved or not is_blank(one.response)]
        return "".join(
            tagged("example", f"{one.instruction}\n\n{one.response}" if solved else one.instruction) for one in found
        )


@dataclass(frozen=True, slots=True)
class Ideas:
    """How topics are drawn from labelled problems."""

    seed: int
    three_topics: float  # share of ideas of three topics, the others have two
    by_matrix: bool

    def of(self, problems: Sequence[LabelledProblem], per_problem: int) -> list[Idea]:
        matrix = TopicMatrix.of([one.topics for one in problems])
        where: dict[str, list[LabelledProblem]] = {}
        for one in problems:
            for topic in one.topics:
                where.setdefault(topic.name, []).append(one)
        first = problems[0].record.record_id
        return [self._idea(number, first, matrix, where) for number in range(per_problem * len(problems))]

    def _idea(self, number: int, first: bytes, matrix: TopicMatrix, where: dict[str, list[LabelledProblem]]) -> Idea:
        rng = stream(self.seed, first, "topics", number)
        count = 3 if rng.random() < self.three_topics else 2
        names = matrix.drawn(count, rng) if self.by_matrix else matrix.at_random(count, rng)
        return Idea(number, names, tuple(rng.choice(where[name]) for name in names))

"""GLAN: from nothing but the name of a discipline to subjects, syllabi, and questions about their key concepts.

Paper: arXiv:2402.13064, which publishes no prompts; ours. A document names one discipline: the taxonomy is the corpus,
and people vote by editing it. Free text comes first and a second call brings it into form, since a wanted form makes
the first one worse. Half of the questions are about two sessions. Answers come from a second role, which may be
cheaper, and nobody checks them; `decontaminate` is the paper's last step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import BaseModel, Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, insist, prompt, tagged, together, why_unusable, written_by
from synth_dagster.parts.cards.syllabus import Session, Topic, one_session, two_sessions
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank, normalised, one_line
from synth_dagster.records import Document, Instruction, Json, Message
from synth_dagster.services import Answer, Call, Drop, Reply, Sampling, Teacher, Unusable

LISTING = Sampling(temperature=1.0, top_p=0.95, max_tokens=4_096)
FORMING = Sampling(temperature=0.0, max_tokens=4_096)
ASKING = Sampling(temperature=1.0, top_p=0.95, max_tokens=1_024)
ANSWERING = Sampling(temperature=0.7, top_p=0.95, max_tokens=2_048)
LONGEST = 2_000  # characters: what is longer is a text and names no discipline


class Subject(BaseModel):
    name: str = Field(description="The name of the subject.")
    level: str = Field(description="For whom it is, such as beginner or graduate.")
    subtopics: list[str] = Field(description="What belongs to it.")


class Subjects(Reply):
    subjects: list[Subject] = Field(description="Every subject of the list, in its order.")


class Meeting(BaseModel):
    name: str = Field(description="The name of the session.")
    concepts: list[str] = Field(description="Its key concepts.")


class Syllabus(Reply):
    sessions: list[Meeting] = Field(description="Every session of the syllabus, in its order.")


SUBJECTS = prompt(
    system="You are an expert of education in the discipline that you are given.",
    user="""
{discipline}List the subjects that a student of this discipline should learn, from the first year to the last. Say of
each for which level it is and which subtopics belong to it. Write freely.""",
    variables="discipline",
)
FORM_SUBJECTS = prompt(
    system="You bring lists into form. You add nothing and leave nothing out.",
    user="{list}Give every subject of this list with its level and its subtopics.",
    variables="list",
)
SYLLABUS = prompt(
    system="You are an expert of education who plans courses.",
    user="""
{subject}Write a syllabus for this subject: an introduction, then all class sessions, each with a description and about
five key concepts that a student has to master. Write freely.""",
    variables="subject",
)
FORM_SYLLABUS = prompt(
    system="You bring plans of courses into form. You add nothing and leave nothing out.",
    user="{syllabus}Give every class session of this syllabus with its key concepts.",
    variables="syllabus",
)
QUESTION = prompt(
    system="You set homework for students of a course.",
    user="""
{syllabus}{sessions}{concepts}Write one question of homework that takes these key concepts together. The students have
learnt everything in the syllabus up to these sessions, and nothing of what comes later. The question is complete in
itself and does not speak of the syllabus. Write the question and nothing else.""",
    variables="syllabus sessions concepts",
)
ANSWER = prompt(user="{question}", variables="question")


class Glan(Synthesizer[Document, Instruction]):
    """What came of a discipline stays: a subject without a syllabus, too, as an eliminated record with its reason."""

    paper: ClassVar[str] = "arXiv:2402.13064"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("taxonomy", "curriculum", "instruction tuning", "knowledge")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "All 31 sets of one session and all 575 of two come as often as said; every session is met; of 20 % broken "
        "conversions none is lost",
    )

    subject_queries: int = Field(10, ge=1, le=100, description="How often the subjects of a discipline are asked for.")
    questions: int = Field(
        20, ge=1, le=10_000, description="Questions of a subject; by its totals the paper has about 500."
    )
    two_sessions: float = Field(0.5, ge=0, le=1, description="Share of questions that take two sessions together.")
    tries: int = Field(
        5, ge=1, le=10, description="Samples of a call that brings text into form, until one can be read."
    )
    seed: int = Field(0, ge=0, description="Seed of sessions and concepts.")

    async def synthesize(
        self, discipline: Document, /, *, writer: Teacher, answerer: Teacher
    ) -> Sequence[Instruction] | Drop:
        if is_blank(discipline.body):
            return Drop("blank_discipline")
        if len(discipline.body) > LONGEST:
            return Drop("no_discipline", f"A discipline is named in at most {LONGEST:,} characters; this is a text.")
        subjects = await self._subjects(discipline, writer)
        if not subjects:
            return Drop("no_subject", "The writer named no subject.")
        found = await together(
            *(self._course(discipline, place, subject, writer, answerer) for place, subject in enumerate(subjects))
        )
        return without_repeats([record for course in found for record in course])

    # ------------------------------------------------------------------------------------------------------- subjects

    async def _subjects(self, discipline: Document, writer: Teacher) -> list[Subject]:
        """All that the queries named, each once within the discipline. Raises the first Unusable if none came back."""
        queries = await together(
            *(attempted(self._listed(discipline, sample, writer)) for sample in range(self.subject_queries))
        )
        problems = [one for one in queries if isinstance(one, Unusable)]
        if len(problems) == len(queries):
            raise problems[0]
        named: dict[str, Subject] = {}
        for query in queries:
            for subject in [] if isinstance(query, Unusable) else query.subjects:
                if not is_blank(subject.name):
                    named.setdefault(normalised(subject.name), subject)
        return list(named.values())

    async def _listed(self, discipline: Document, sample: int, writer: Teacher) -> Subjects:
        told = await writer.tell(
            SUBJECTS, sampling=LISTING, sample=sample, discipline=tagged("discipline", discipline.body)
        )
        text = tagged("list", told.text)
        return await insist(
            lambda attempt: writer.ask(FORM_SUBJECTS, into=Subjects, sampling=FORMING, sample=attempt, list=text),
            tries=self.tries,
            fits=lambda reply: bool(reply.subjects),
        )

    # -------------------------------------------------------------------------------------------------------- courses

    async def _course(
        self, discipline: Document, place: int, subject: Subject, writer: Teacher, answerer: Teacher
    ) -> Sequence[Instruction]:
        about = {"discipline": named(discipline), "subject": one_line(subject.name), "level": one_line(subject.level)}
        course = await attempted(self._planned(subject, writer))
        if isinstance(course, Unusable):
            return [eliminated(discipline, subject.name, f"syllabus_{course.reason}", about, course.call)]
        if not course.sessions:
            return [eliminated(discipline, subject.name, "syllabus_empty", about, course.call)]
        return await together(
            *(
                self._pair(
                    discipline, course, self._topic(discipline, place, number, course), number, about, writer, answerer
                )
                for number in range(self.questions)
            )
        )

    async def _planned(self, subject: Subject, writer: Teacher) -> "_Course":
        known = {"level": subject.level, "subtopics": ", ".join(subject.subtopics)}
        told = await writer.tell(SYLLABUS, sampling=LISTING, subject=tagged("subject", subject.name, **known))
        text = tagged("syllabus", told.text)
        formed = await insist(
            lambda attempt: writer.ask(FORM_SYLLABUS, into=Syllabus, sampling=FORMING, sample=attempt, syllabus=text),
            tries=self.tries,
            fits=lambda reply: bool(reply.sessions),
        )
        return _Course(text, sessions_of(formed), formed.call)

    def _topic(self, discipline: Document, place: int, number: int, course: "_Course") -> Topic:
        rng = stream(self.seed, discipline.record_id, "topic", place, number)
        topic = two_sessions(course.sessions, rng) if rng.random() < self.two_sessions else None
        return topic or one_session(course.sessions, rng)

    async def _pair(
        self,
        discipline: Document,
        course: "_Course",
        topic: Topic,
        number: int,
        about: Mapping[str, str],
        writer: Teacher,
        answerer: Teacher,
    ) -> Instruction:
        facts: dict[str, Json] = {**about, "session_names": list(topic.sessions), "key_concepts": list(topic.concepts)}
        asked = await attempted(
            writer.tell(
                QUESTION,
                sampling=ASKING,
                sample=number,  # the same concepts may come again
                syllabus=course.text,
                sessions=tagged("sessions", "\n".join(topic.sessions)),
                concepts=tagged("concepts", "\n".join(topic.concepts)),
            )
        )
        if reason := why_unusable(asked):
            return eliminated(discipline, "; ".join(topic.concepts), f"question_{reason}", facts, asked.call)
        question = text_of(asked)
        said = await attempted(answerer.tell(ANSWER, sampling=ANSWERING, question=question))
        if reason := why_unusable(said):
            return eliminated(discipline, question, f"answer_{reason}", facts, said.call)
        answer = text_of(said)
        return Instruction.single(question, answer, parents=(discipline,), attributes=facts, **written_by(said.call))


@dataclass(frozen=True, slots=True)
class _Course:
    """A syllabus as it was written, and its sessions."""

    text: str
    sessions: tuple[Session, ...]
    call: Call | None


def named(discipline: Document) -> str:
    """The name of a discipline: the title of its document, or the first line."""
    return one_line(discipline.title or discipline.body.strip().splitlines()[0])


def sessions_of(syllabus: Syllabus) -> tuple[Session, ...]:
    """The sessions that have a concept, each concept once."""
    found = [
        Session(one_line(one.name), tuple(dict.fromkeys(one_line(text) for text in one.concepts if not is_blank(text))))
        for one in syllabus.sessions
    ]
    return tuple(session for session in found if session.concepts)


def text_of(said: Answer | Unusable) -> str:
    return said.raw if isinstance(said, Unusable) else said.text.strip()


def eliminated(
    discipline: Document, asked: str, reason: str, facts: Mapping[str, Json], call: Call | None
) -> Instruction:
    """What came to nothing, with its reason."""
    return Instruction(
        messages=(Message("user", asked),),
        parents=(discipline,),
        attributes=facts,
        status="eliminated",
        reason=reason,
        **written_by(call),
    )


def without_repeats(records: Sequence[Instruction]) -> list[Instruction]:
    """The records of a discipline; a question that stood before is eliminated."""
    seen: set[str] = set()
    found = []
    for one in records:
        known = normalised(one.instruction)
        if one.status == "current" and known in seen:
            found.append(replace(one, status="eliminated", reason="repeated_question"))
            continue
        if one.status == "current":
            seen.add(known)
        found.append(one)
    return found

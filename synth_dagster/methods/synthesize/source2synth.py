"""Source2Synth: questions about a table, answered by SQL that was run; what a second model cannot find again goes.

Paper: arXiv:2409.08239, its task of tabular question answering. From a table a writer takes an interesting fact, from
the fact an SQL statement, which is executed, and from the statement a question; the result is the answer. Then a
curator gets table and question, and in k tries its own SQL must give the same result. In the paper the curator is the
base model, fine-tuned on one half of the questions, and filters the other: make `slice: first`, train on that release,
and name the model as `curator` of `slice: second`. A table is of one slice, a copy of it of the same. With the writer
as curator the filter is weaker; each record says who curated it. Prompts are in our own wording; the paper's other
task, questions over two linked articles, is `source2synth_hops`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.cards.slices import TOLD, Slice, curated_by, is_of, told
from synth_dagster.parts.mathematics.programs import bare_program
from synth_dagster.parts.text.tables import result_text, same_result, table_of, why_no_answer
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction, Json, Span
from synth_dagster.services import Call, Drop, Limits, Queried, Reply, Sampling, Sandbox, Table, Teacher, Unusable


class Fact(Reply):
    fact: str = Field(description="One interesting fact, in a sentence.")


class Statement(Reply):
    sql: str = Field(description="One SELECT statement.")


class Question(Reply):
    question: str = Field(description="One question in plain words, without SQL.")


_RULES = """
The table is called `data` and its columns as in its first line; a name stands in double quotes. A column of numbers is
one of numbers, every other is text, an empty cell is NULL. The dialect is DuckDB's.
"""
FACT = prompt(
    user="""
{table}Name one interesting fact that can be worked out from this table, such as a comparison, a count, a total or an
extreme.
""",
    variables="table",
)
SQL = prompt(
    system=_RULES,
    user="""
{table}{fact}Write one SELECT statement whose result shows this fact, and nothing that is not needed for it.
""",
    variables="table fact",
)
QUESTION = prompt(
    user="""
{table}{statement}Write the question about the table that this SQL statement answers: in plain words, complete, and such
that only the statement's result answers it. Do not give the answer.
""",
    variables="table statement",
)
ANSWER = prompt(
    system=_RULES,
    user="""
{table}{question}Write one SELECT statement whose result is the answer to this question: the columns that are asked for,
in the order in which they are asked for, and no others.
""",
    variables="table question",
)


class Source2synth(Synthesizer[Document, Instruction]):
    """Every question stays: what the curator found again is current, the others eliminated with their reason."""

    paper: ClassVar[str] = "arXiv:2409.08239"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = (
        "tables",
        "question answering",
        "tool use",
        "databases",
        "grounded",
        "hallucination",
    )
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "A curator right at rate q keeps 1-(1-q)^3 of the questions; of planted unanswerable ones at least 85 % go.",
    )

    questions: int = Field(1, ge=1, le=50, description="Questions asked about one table, each from a fact of its own.")
    tries: int = Field(
        3, ge=1, le=10, description="k of the paper: in how many tries the curator must find the answer."
    )
    slice: Slice = Field("whole", description=TOLD)
    max_cells: int = Field(2_000, ge=2, description="Larger tables are dropped: a teacher sees the table whole.")
    max_rows: int = Field(20, ge=1, le=1_000, description="A longer result is no answer; the paper gives no number.")
    temperature: float = Field(0.7, ge=0, le=2, description="Tries and facts differ by it; the paper gives no number.")
    max_tokens: int = Field(1_024, ge=64, description="Longest answer of writer and curator, in tokens.")
    cpu_s: int = Field(5, ge=1, le=60, description="Seconds of processor time that a query may take.")

    async def synthesize(
        self, table: Document, /, *, writer: Teacher, curator: Teacher, sandbox: Sandbox
    ) -> Sequence[Instruction] | Drop:
        data = table_of(table.body)
        if data is None:
            return Drop("no_table")
        if len(data.rows) * len(data.columns) > self.max_cells:
            return Drop("table_too_large")
        if not is_of(self.slice, table.body):
            return Drop("other_slice", "This table is of the half that another release is made of.")
        work = _Work(self, table, data, sandbox)
        items = await together(*(work.written(number, writer) for number in range(self.questions)))
        unusable = [item.problem for item in items if item.problem]
        if len(unusable) == len(items):
            raise unusable[0]  # nothing came back: the record is a reject, to be tried again
        judged = await together(*(work.curated(item, curator) for item in _without_repeats(items)))
        whose = curated_by(curator.models, writer.models)
        return [_record(self, item, table, whose) for item in judged]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A question on its way to a record; `reason` says why it goes no further."""

    number: int
    fact: str = ""
    sql: str = ""
    question: str = ""
    result: Table | None = None
    tries: int = 0
    reason: str | None = None
    call: Call | None = None
    problem: Unusable | None = None

    def stopped(self, problem: Unusable) -> "_Item":
        return replace(self, problem=problem, reason=problem.reason, call=problem.call or self.call)


@dataclass(frozen=True, slots=True)
class _Work:
    """What all questions about one table share."""

    method: Source2synth
    table: Document
    data: Table
    sandbox: Sandbox

    async def written(self, number: int, writer: Teacher) -> _Item:
        """Fact, statement, result and question: three calls, two where the statement gives no answer."""
        item = _Item(number=number)
        fact = await attempted(
            writer.ask(FACT, into=Fact, sampling=self._sampling(), sample=number, table=self._shown())
        )
        if isinstance(fact, Unusable):
            return item.stopped(fact)
        item = await self._stated(replace(item, fact=fact.fact.strip(), call=fact.call), writer)
        if item.reason:
            return item
        said = await attempted(
            writer.ask(
                QUESTION,
                into=Question,
                sampling=self._sampling(),
                sample=number,
                table=self._shown(),
                statement=tagged("statement", item.sql),
            )
        )
        if isinstance(said, Unusable):
            return item.stopped(said)
        reason = "blank_question" if is_blank(said.question) else None
        return replace(item, question=said.question.strip(), reason=reason, call=said.call)

    async def _stated(self, item: _Item, writer: Teacher) -> _Item:
        if is_blank(item.fact):
            return replace(item, reason="blank_fact")
        said = await attempted(self._asked_sql(writer, SQL, item.number, fact=tagged("fact", item.fact)))
        if isinstance(said, Unusable):
            return item.stopped(said)
        sql = bare_program(said.sql)
        queried = await self._queried(sql)
        reason = _why_not(queried)
        return replace(item, sql=sql, result=None if reason else queried.table, reason=reason, call=said.call)

    async def curated(self, item: _Item, curator: Teacher) -> _Item:
        """The question with the try that found its answer again, or eliminated after the last."""
        if item.reason or item.result is None or self.method.slice == "first":
            return item
        for sample in range(self.method.tries):
            asked = tagged("question", item.question)
            said = await attempted(self._asked_sql(curator, ANSWER, sample, question=asked))
            if isinstance(said, Unusable):
                continue  # a try that failed
            found = (await self._queried(bare_program(said.sql))).table
            if found is not None and same_result(found, item.result):
                return replace(item, tries=sample + 1)
        return replace(item, tries=self.method.tries, reason="not_answered")

    async def _asked_sql(self, teacher: Teacher, asked: Prompt, sample: int, **given: str) -> Statement:
        return await teacher.ask(
            asked, into=Statement, sampling=self._sampling(), sample=sample, table=self._shown(), **given
        )

    async def _queried(self, sql: str) -> Queried:
        limits = Limits(cpu_s=self.method.cpu_s, rows=self.method.max_rows)
        return await self.sandbox.query(sql, tables={"data": self.data}, limits=limits)

    def _shown(self) -> str:
        return tagged("table", self.table.body, title=self.table.title)

    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens)


def _why_not(queried: Queried) -> str | None:
    if queried.table is not None:
        return why_no_answer(queried.table)
    endings = {"time": "time_out", "memory": "out_of_memory", "output": "too_many_rows", "killed": "crashed"}
    return endings.get(queried.ending, "invalid_sql")


def _without_repeats(items: Sequence[_Item]) -> list[_Item]:
    """A question that was asked about the same table before is eliminated before the curator is paid for it."""
    asked: set[str] = set()
    found: list[_Item] = []
    for item in items:
        again = item.reason is None and normalised(item.question) in asked
        found.append(replace(item, reason="repeated_question") if again else item)
        asked |= {normalised(item.question)} if item.reason is None else set()
    return found


def _record(method: Source2synth, item: _Item, table: Document, curator: str) -> Instruction:
    """Table and question, and for an answer the statement with its result: what the paper trains on."""
    attributes: dict[str, Json] = {"number": item.number, "seed_fact": item.fact, "sql": item.sql}
    answer = ""
    if item.result is not None:
        result = {"columns": list(item.result.columns), "rows": [list(row) for row in item.result.rows]}
        attributes |= {"result": result, "final_answer": result_text(item.result)}
        answer = f"```sql\n{item.sql}\n```\n\nThe answer is: {result_text(item.result)}"
    attributes |= told(method.slice, table.body, curator if item.tries else None)
    attributes |= {"tries": item.tries} if item.tries else {}
    above = "\n\n".join(part for part in (table.title, table.body.strip()) if part)
    return Instruction.single(
        f"{above}\n\n{item.question}" if item.question else "",
        answer,
        parents=(table,),
        evidence=(Span(table.record_id, 0, len(table.body), table.body),),
        attributes=attributes,
        status="eliminated" if item.reason else "current",
        reason=item.reason,
        **written_by(item.call),
    )

"""A task is kept when it leads back to code that does the same: of planted mismatches none is kept."""

import asyncio
import contextlib
import io
from collections import Counter

import pytest

from synth_dagster.methods.synthesize.phi4_reversal import Phi4Reversal, functions_of, usable_calls
from synth_dagster.records import Document
from synth_dagster.sandbox.local import LocalSandbox
from synth_dagster.services import Call, Drop, Ran, Unusable
from tests.scripted_teacher.snippets import KNOWN, SnippetWorld, name_of, snippets
from tests.scripted_teacher.teacher import ScriptedTeacher


class NoSandbox:
    """A sandbox that must not be needed, or that ends as it is told."""

    isolation = "none"

    def __init__(self, *endings):
        self.endings = list(endings)

    async def run(self, program, /, *, limits=None):
        return self.endings.pop(0)


class Here(NoSandbox):
    """Runs the snippets, which are ours, in this process: a process for each would cost seconds."""

    async def run(self, program, /, *, limits=None):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(program, "snippet", "exec"), {"__name__": "snippet"})
        return Ran("finished", printed.getvalue())


def made_of(method, records, writer, solver=None, sandbox=None):
    async def run():
        return await asyncio.gather(
            *(
                method.synthesize(one, writer=writer, solver=solver or writer, sandbox=sandbox or LocalSandbox())
                for one in records
            ),
            return_exceptions=True,
        )

    return asyncio.run(run())


def test_of_planted_mismatches_all_go_and_of_sound_pairs_none():
    # 3 of 10: the task of another function, and code that differs for one call only
    planted = {"clamp": "other", "median": "near", "digit_sum": "near"}
    teacher = ScriptedTeacher(SnippetWorld(planted))
    made = [pair for pairs in made_of(Phi4Reversal(), snippets(), teacher) for pair in pairs]
    reasons = {name_of(one.parents[0].body): one.reason for one in made}
    assert {name for name, reason in reasons.items() if reason == "mismatch"} == planted.keys()
    assert sum(reason is None for reason in reasons.values()) == 7
    assert len(teacher.requests) == 2 * 10  # a task and a solution for each
    for one in (one for one in made if one.status == "current"):
        (snippet,) = one.parents
        assert one.instruction == KNOWN[name_of(snippet.body)]["task"]
        assert one.response == f"```python\n{snippet.body}\n```"  # the task stands before the original code
        assert one.attributes["exec_ok"] and one.evidence[0].text == snippet.body


def test_each_snippet_with_another_task_or_a_near_solution_is_rejected_and_alone_is_not():
    # 10 sound pairs and 20 mismatches: recall 20 of 20, nothing sound lost
    for fault, reason in ((None, None), ("other", "mismatch"), ("near", "mismatch")):
        teacher = ScriptedTeacher(SnippetWorld(dict.fromkeys(KNOWN, fault) if fault else None))
        made = made_of(Phi4Reversal(), snippets(), teacher, sandbox=Here())
        assert [one.reason for (one,) in made] == [reason] * 10


def test_a_solution_that_never_ends_is_stopped():
    teacher = ScriptedTeacher(SnippetWorld({"flatten": "endless"}))
    (snippet,) = [one for one in snippets() if name_of(one.body) == "flatten"]
    ((pair,),) = made_of(Phi4Reversal(cpu_s=1), [snippet], teacher)
    assert pair.reason == "solution_time_out"


@pytest.mark.parametrize(("fault", "reason", "asked"), [("few", "too_few_calls", 1), ("blank", "blank_task", 1)])
def test_a_task_that_cannot_be_checked_goes_before_it_is_solved(fault, reason, asked):
    teacher = ScriptedTeacher(SnippetWorld(dict.fromkeys(KNOWN, fault)))
    made = made_of(Phi4Reversal(), snippets()[:3], teacher, sandbox=NoSandbox())
    assert [one.reason for (one,) in made] == [reason] * 3 and len(teacher.requests) == 3 * asked


def test_calls_are_literal_calls_of_the_functions_and_nothing_else():
    names = frozenset({"area"})
    asked = [
        "area(1, 2)",
        " area( 1,2 ) ",  # the same one
        "area(-1, height=[2, {'a': (None, True)}])",
        "area(x)",
        "area(*[1])",
        "area(**{})",
        "area(open('f'))",
        "other(1)",
        "area(1) + area(2)",
        "area.__class__(1)",
        "import os",
        "area(1); area(2)",
        "",
        "(" * 500,
    ]
    assert usable_calls(asked, names) == ["area(1, 2)", "area(-1, height=[2, {'a': (None, True)}])"]


def test_functions_are_those_at_the_top():
    assert functions_of("def a():\n    def b(): pass\nclass C:\n    def d(self): pass") == {"a"}
    assert functions_of("not python") == functions_of("x = 1") == functions_of("\x00") == frozenset()


@pytest.mark.parametrize(
    ("endings", "reason"),
    [
        ([Ran("failed", "", "NameError: name 'y' is not defined")], "original_program_failed"),
        ([Ran("memory")], "original_out_of_memory"),
        ([Ran("finished", "\nthe result is: ['3']"), Ran("failed", "", "SyntaxError: no")], "solution_syntax_error"),
        ([Ran("finished", "\nthe result is: ['3']"), Ran("finished", "\nthe result is: ['4']")], "mismatch"),
        ([Ran("finished", "\nthe result is: ['3']"), Ran("finished", "bye")], "solution_no_result"),
    ],
)
def test_how_code_ends_is_the_reason(endings, reason):
    ((pair,),) = made_of(Phi4Reversal(), snippets()[:1], ScriptedTeacher(SnippetWorld()), sandbox=NoSandbox(*endings))
    assert pair.reason == reason


class Refuses:
    models = ("scripted",)

    async def ask(self, prompt, /, **given):
        raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))


def test_a_writer_that_refuses_leaves_a_reject_and_a_solver_that_does_a_reason():
    assert all(isinstance(one, Unusable) for one in made_of(Phi4Reversal(), snippets()[:2], Refuses()))
    ran = NoSandbox(Ran("finished", "\nthe result is: ['3']"))
    ((pair,),) = made_of(Phi4Reversal(), snippets()[:1], ScriptedTeacher(SnippetWorld()), Refuses(), ran)
    assert pair.reason == "solution_refused"


@pytest.mark.parametrize("fault", ["broken_json", "truncation", "refusal"])
def test_a_spoiled_answer_of_the_solver_has_its_reason(fault):
    ran = [Ran("finished", "\nthe result is: ['3']")] * 40
    teacher = ScriptedTeacher(SnippetWorld(), faults={"program": {fault: 0.5}})
    made = made_of(Phi4Reversal(), snippets(), teacher, sandbox=NoSandbox(*ran))
    reasons = Counter(one.reason for (one,) in made)
    assert reasons[None] + sum(reasons[f"solution_{r}"] for r in ("unparsable", "cut", "refused")) == 10
    assert reasons[None] < 10


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (" \n", "blank_code"),
        ("def f():\n" + "    pass\n" * 1_000, "too_long"),
        ("Once upon a time", "no_function"),
        ("print('hello')", "no_function"),
    ],
)
def test_what_is_no_snippet_is_dropped_before_anyone_is_asked(body, reason):
    writer = ScriptedTeacher(SnippetWorld())
    (dropped,) = made_of(Phi4Reversal(), [Document(body=body, record_id=b"d" * 16)], writer)
    assert isinstance(dropped, Drop) and dropped.reason == reason and writer.requests == []

"""Whole tasks are read from numbered blocks, strictly; what is mangled, unfit or known is eliminated."""

from collections import Counter
from itertools import combinations

import pytest

from synth_dagster.errors import TeacherError
from synth_dagster.methods.synthesize.alpaca import WRITING, Alpaca, blocks, refused
from synth_dagster.parts.asking.tasks import Task
from synth_dagster.records import Instruction, digest
from synth_dagster.services import Answer, Call, Unusable
from tests.methods.rounds import BreaksOff, all_rounds
from tests.rouge import rouge_l
from tests.scripted_teacher.tasks import BlockWorld, made_up
from tests.scripted_teacher.teacher import ScriptedTeacher


def seeds(count=6):
    texts = [made_up(digest("seed", number).hex(), 0) for number in range(count)]
    return [Instruction.single(text, "An answer.", record_id=digest("seed", text)) for text in texts]


def grown(method, teacher, pool=None):
    return all_rounds(method, seeds() if pool is None else pool, writer=teacher)


# the released `post_process_gpt3_response` returned only the first of these with three examples shown and the
# completion cut: the second speaks of music and of a file, the third may be cut
COMPLETION = (
    " Name the three states of matter.\n4. Input:\n<noinput>\n4. Output:\nSolid, liquid and gas.\n###\n"
    "5. Instruction: Say what music this file holds.\n5. Input:\na.mp3\n5. Output:\nA waltz.\n###\n"
    "6. Instruction: Summarise the paragraph.\n6. Input:\nThe bridge is old.\n6. Output:\nOld br"
)


def test_a_cut_completion_is_read_as_the_released_code_read_it():
    read = blocks(COMPLETION, 4, cut=True)
    assert [one for one in read if isinstance(one, Task) and refused(one) is None] == [
        Task("Name the three states of matter.", "", "Solid, liquid and gas.")
    ]
    assert refused(read[1]) == "needs_more_than_text" and len(read) == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" Name it.\n5. Input:\na\n4. Output:\nb", id="another number"),
        pytest.param(" Name it.\n4. Output:\nb", id="no input"),
        pytest.param(" Name it.\n34. Input:\na\n4. Output:\nb", id="a number that ends alike"),
        pytest.param(" Name it.\n4. Output:\na\n4. Input:\nb", id="fields out of order"),
        pytest.param("", id="nothing"),
        pytest.param(" Name it.\n4. Input:\na\n4. Output:\nb\n4. Output:\nc", id="two outputs"),
    ],
)
def test_a_block_that_is_not_numbered_as_it_should_be_stays_text(text):
    assert [type(one) for one in blocks(text, 4)] == [str]


@pytest.mark.parametrize(
    "before", ["4. Instruction:", "###\n4. Instruction:", "Here they are:\n\n###\n4. Instruction:"]
)
def test_a_chat_model_may_repeat_the_open_header(before):
    text = (
        " Name it.\n4. Input:\na\n4. Output:\nb\n###\n5. Instruction: Say it.\n5. Input:\n<noinput>\n5. Output:\nc\n###"
    )
    assert blocks(before + text, 4) == blocks(text, 4) == [Task("Name it.", "a", "b"), Task("Say it.", "", "c")]


def test_a_number_in_an_answer_ends_nothing():
    assert not any(stop in "She was born in 1920. He came in 20.5 hours." for stop in WRITING.stop)


def test_all_and_only_mangled_blocks_are_malformed():
    world = BlockWorld(mangled=0.25)
    made, _, _ = grown(Alpaca(instructions=100), ScriptedTeacher(world))
    malformed = [one for one in made if one.reason == "malformed"]
    assert len(malformed) > 20
    assert {one.reason for one in made} <= {None, "malformed"}
    assert all(
        (one.reason == "malformed") == any(text in one.instruction for text in world.mangled_texts) for one in made
    )


def test_near_copies_are_refused_and_no_accepted_pair_is_near():
    world = BlockWorld(copies=0.3)
    made, _, _ = grown(Alpaca(instructions=60), ScriptedTeacher(world))
    accepted = [one.attributes["instruction"] for one in made if one.status == "current"]
    planted = [one for one in made if one.attributes["instruction"] in world.copied]
    assert len(planted) > 10 and {one.reason for one in planted} == {"near_copy"}
    texts = [*accepted, *(one.instruction for one in seeds())]
    assert all(rouge_l(a, b) <= 0.7 for a, b in combinations(texts, 2))


def test_one_call_makes_up_to_seventeen_records_after_three_seeds():
    teacher = ScriptedTeacher(BlockWorld(), jitter=5)
    made, _, rounds = grown(Alpaca(instructions=85), teacher)
    # 20 minus the 3 shown, five requests a round
    assert (len(made), len(teacher.requests), rounds) == (85, 5, 1)
    assert {one.status for one in made} == {"current"} and {len(one.parents) for one in made} == {3}
    assert Counter(one.attributes["request"] for one in made) == dict.fromkeys(range(5), 17)
    again, _, _ = grown(Alpaca(instructions=85), ScriptedTeacher(BlockWorld()))
    assert [(one.content(), one.attributes) for one in again] == [(one.content(), one.attributes) for one in made]


def test_each_request_is_sampled_as_the_released_code_did():
    teacher = ScriptedTeacher(BlockWorld())
    grown(Alpaca(instructions=10), teacher)
    (used,) = set(teacher.samplings)
    assert (used.temperature, used.top_p, used.max_tokens, used.presence_penalty) == (1.0, 1.0, 3_072, 0.0)
    assert all(any(stop in f"\n21{dot} Instruction" for stop in used.stop) for dot in (".", " ."))


def test_what_each_request_yielded_is_told_by_its_records_and_is_the_same_again():
    def told():
        world = BlockWorld(mangled=0.25, copies=0.1)
        made, _, _ = grown(Alpaca(instructions=100), ScriptedTeacher(world))
        by_request = {}
        for one in made:
            by_request.setdefault(one.attributes["request"], []).append(one)
        yields = {
            request: (
                Counter(str(one.reason) for one in some),
                sum(one.attributes.get("avg_similarity", 0) for one in some),
            )
            for request, some in by_request.items()
        }
        return yields, world

    yields, world = told()
    assert yields == told()[0] and len(yields) == 10
    assert all(sum(reasons.values()) == 17 and mean > 0 for reasons, mean in yields.values())
    reasons = sum((reasons for reasons, _ in yields.values()), Counter())
    # a copy whose numbering is mangled too is malformed
    whole = len(world.copied) - sum(text in world.copied for text in world.mangled_texts)
    assert (reasons["malformed"], reasons["near_copy"]) == (len(world.mangled_texts), whole)
    assert whole > 5 and reasons["None"] == 170 - reasons["malformed"] - reasons["near_copy"]


def test_only_seeds_are_shown():
    made, _, rounds = grown(Alpaca(instructions=86), ScriptedTeacher(BlockWorld()))
    known = {one.record_id for one in seeds()}
    assert rounds == 2 and {parent.record_id for one in made for parent in one.parents} <= known


class Says:
    """A teacher that says one thing to everything."""

    models = ("scripted",)

    def __init__(self, text, finish_reason="stop"):
        self.text, self.finish_reason = text, finish_reason

    async def tell(self, prompt, /, **given):
        call = Call(bytes(16), "scripted", prompt.hash)
        if self.finish_reason == "content_filter":
            raise Unusable("refused", self.text, call)
        return Answer(self.text, self.finish_reason, call)


def test_a_teacher_that_refuses_or_is_cut_ends_after_its_patience_with_reasons():
    for teacher, reason in ((Says("No.", "content_filter"), "refused"), (Says(" Name", "length"), "cut")):
        made, drops, rounds = grown(Alpaca(), teacher)
        assert (made, rounds, {drop.reason for drop in drops}) == ([], 3, {reason})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param('{"tasks": [', "malformed", id="broken"),
        pytest.param(
            f" {seeds()[0].instruction}\n4. Input:\n<noinput>\n4. Output:\nb", "near_copy", id="repeats a seed"
        ),
        pytest.param(" Name a long river\n4. Input:\n<noinput>\n4. Output:\n", "empty_output", id="no answer"),
        pytest.param(" Ärgere dich nicht zu sehr\n4. Input:\n\n4. Output:\nb", "odd_start", id="another language"),
    ],
)
def test_what_cannot_be_used_is_eliminated_with_its_reason(text, reason):
    made, _, _ = grown(Alpaca(), Says(text))
    assert {one.reason for one in made} == {reason}


def test_without_a_seed_nothing_is_asked():
    assert grown(Alpaca(), Says(""), [])[:2] == ([], [])
    made, drops, _ = grown(Alpaca(), Says(""), [Instruction.single(" ", "")])
    assert made == [] and [drop.reason for drop in drops] == ["no_seed_task"]


def test_when_a_request_fails_those_beside_it_are_finished_first():
    writer = BreaksOff()
    with pytest.raises(TeacherError, match="The budget is spent"):
        grown(Alpaca(requests_a_round=4), writer)
    assert (writer.begun, writer.ended) == (4, 3)

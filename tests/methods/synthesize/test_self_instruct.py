"""New tasks are kept, near-copies of anything known are refused, and each kept task cost what the card says."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest

from synth_dagster.errors import TeacherError
from synth_dagster.methods.synthesize.self_instruct import (
    LISTING,
    WITH_INPUT,
    WITHOUT_INPUT,
    SelfInstruct,
    by_input,
    by_label,
    listed_instructions,
    sound,
    without_its_label,
)
from synth_dagster.parts.asking.tasks import Task, unfit
from synth_dagster.records import Instruction, digest
from synth_dagster.services import Answer, Call, Sampling, Unusable
from tests.methods.rounds import BreaksOff, all_rounds
from tests.rouge import rouge_l
from tests.scripted_teacher.tasks import TaskWorld, made_up
from tests.scripted_teacher.teacher import ScriptedTeacher


def seeds(count=12):
    texts = [made_up(digest("seed", number).hex(), 0) for number in range(count)]
    return [Instruction.single(text, "An answer.", record_id=digest("seed", text)) for text in texts]


def grown(method, teacher, pool=None):
    return all_rounds(method, seeds() if pool is None else pool, writer=teacher)


# ---------------------------------------------------------------------------------- what the released code gave

# `post_process_gpt3_response` on this completion returned exactly these three, the second in lower case behind its T
COMPLETION = (
    " Write a haiku about spring rain.\n2. Draw a picture of a cat sleeping.\n3. Write a program to sort a list of "
    "numbers.\n4. Translate the given sentence into French.\n5. Go now.\n6. Explain what a "
    "mapping function does in algebra."
)
RELEASED = [
    "Write a haiku about spring rain.",
    "Translate the given sentence into french.",
    "Explain what a mapping function does in algebra.",
]


def test_the_completion_is_read_as_the_released_code_read_it():
    read = listed_instructions(COMPLETION, lower_rest=True)
    assert [one for one in read if unfit(one) is None] == RELEASED
    reasons = [unfit(one) for one in read]
    assert reasons == [None, "needs_more_than_text", "asks_for_a_program", None, "too_short", None]


def test_without_its_slip_names_keep_their_capitals():
    assert "Translate the given sentence into French." in listed_instructions(COMPLETION)


def test_examples_are_read_and_filtered_as_the_released_code_did():
    text = "Example 1\nInput: 2+2\nOutput: 4\nExample 2\nInput: 3\nOutput: 3\nExample 3\nInput: a\nOutput:"
    assert sound(by_input(text)) == ([Task("", "2+2", "4")], None)
    labels = by_label("Class label: pos\nInput: It was good.\nClass label: neg\nInput: It was bad.")
    assert labels == [Task("", "It was good.", "pos"), Task("", "It was bad.", "neg")]


@pytest.mark.parametrize(
    ("examples", "cut", "reason"),
    [
        pytest.param([], False, "no_example", id="none"),
        pytest.param([Task("", "a", "b"), Task("", "a", "c")], False, "contradicting_examples", id="two answers"),
        pytest.param([Task("", "a", "b")], True, "cut", id="the only one is cut"),
        pytest.param([Task("", "a", "The result:")], False, "unsound_examples", id="ends with a colon"),
        pytest.param([Task("", "", "b"), Task("", "", "c")], False, None, id="no input, two answers"),
    ],
)
def test_why_a_task_has_no_example(examples, cut, reason):
    assert sound(examples, cut=cut)[1] == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("word " * 151, "too_long"),
        ("- List the five longest rivers", "odd_start"),
        ("Ärgern Sie sich nicht zu sehr", "odd_start"),
        ("Go to the shop and buy milk", "needs_more_than_text"),
        ("Describe the mapping of two sets", None),
    ],
)
def test_what_is_no_task_for_a_text_model(text, reason):
    assert unfit(text.strip()) == reason


# ---------------------------------------------------------------------------------------------------- planted signals


def test_planted_near_copies_are_all_refused_and_no_accepted_pair_is_near():
    world = TaskWorld(copies=0.3, novel=True)
    made, _, _ = grown(SelfInstruct(instructions=150), ScriptedTeacher(world))
    planted = [one for one in made if one.attributes["instruction"] in world.planted]
    assert len(planted) > 40 and {one.reason for one in planted} == {"near_copy"}  # recall 1
    accepted = [one.attributes["instruction"] for one in made if one.status == "current"]
    texts = [*accepted, *(one.instruction for one in seeds())]
    assert len(accepted) >= 150 and all(rouge_l(a, b) <= 0.7 for a, b in combinations(texts, 2))


def test_a_refused_task_names_the_nearest_one_that_stayed():
    made, _, _ = grown(SelfInstruct(instructions=20), ScriptedTeacher(TaskWorld(copies=0.5, novel=True)))
    texts = {one.attributes["task"]: one.attributes["instruction"] for one in made}
    texts |= {one.record_id.hex(): one.instruction for one in seeds()}
    for one in made:
        if one.reason == "near_copy":
            ((key, score),) = one.attributes["most_similar"]
            assert rouge_l(texts[key], one.attributes["instruction"]) == pytest.approx(score, abs=1e-6) and score > 0.7
        else:
            scores = [score for _, score in one.attributes["most_similar"]]
            assert scores == sorted(scores, reverse=True) and len(scores) <= 10


def test_a_kept_task_costs_two_calls_and_its_share_of_a_request():
    teacher = ScriptedTeacher(TaskWorld(novel=True))
    made, _, rounds = grown(SelfInstruct(instructions=40), teacher)
    # 5 requests a round of 8 new tasks, each asked once for its kind and once for its examples
    assert (len(made), rounds) == (40, 1) and len(teacher.requests) == 5 + 2 * 40
    asked = Counter("number" if "up to number" in one.user else "task" for one in teacher.requests)
    assert asked == {"number": 5, "task": 80}


def test_each_call_uses_the_sampling_of_the_released_code():
    teacher = ScriptedTeacher(TaskWorld())
    grown(SelfInstruct(instructions=20), teacher)
    used = {}
    for request, sampling in zip(teacher.requests, teacher.samplings, strict=True):
        kinds = ("up to number", "Is it classification?", "Class label:", "Example 1")
        used.setdefault(next(kind for kind in kinds if kind in request.user), set()).add(sampling)
    solving = {"temperature": 0.0, "presence_penalty": 1.5, "stop": ("Example 6", "Task:")}
    assert used == {
        "up to number": {LISTING},
        "Is it classification?": {Sampling(temperature=0.0, max_tokens=3)},
        "Class label:": {Sampling(max_tokens=300, **solving)},
        "Example 1": {Sampling(max_tokens=350, **solving)},
    }
    assert (LISTING.temperature, LISTING.top_p, LISTING.max_tokens, LISTING.presence_penalty) == (0.7, 0.5, 1_024, 2.0)
    # what stands in a task ends nothing; the line of the sixteenth does, and so does a blank one
    assert not any(stop in "\n15. Name what happened in 2016. Give a reason." for stop in LISTING.stop)
    assert all(any(stop in text for stop in LISTING.stop) for text in ("\n16. Name", "\n16 . Name", "\n\n"))


class Solves(TaskWorld):
    """Says what a task is, and gives the same examples for each."""

    def __init__(self, kind="No", examples=""):
        super().__init__(novel=True)
        self.kind, self.examples = kind, examples

    def answer(self, request):
        if "Is it classification?" in request.user:
            return self.kind
        return super().answer(request) if "up to number" in request.user else self.examples


@pytest.mark.parametrize(
    ("said", "is_label"),
    [("Yes", True), ("yes", True), ("YES", True), (" Yes.", True)]
    + [(text, False) for text in ("No", "Yes, it is", "yEs", "Maybe")],
)
def test_a_task_is_a_classification_where_that_is_said_in_one_word(said, is_label):
    both = "Example 1\nInput: a\nOutput: b\nClass label: c\nInput: d"
    made, _, _ = grown(SelfInstruct(instructions=5), ScriptedTeacher(Solves(said, both)))
    assert {one.attributes["is_classification"] for one in made} == {is_label}
    assert {one.response for one in made} == ({"c"} if is_label else {"b\nClass label: c"})


def test_of_more_examples_five_stay_drawn_at_random():
    examples = "\n".join(f"Example {n}\nInput: given {n}\nOutput: said {n}" for n in range(9))
    made, _, _ = grown(SelfInstruct(instructions=40), ScriptedTeacher(Solves(examples=examples)))
    drawn = {}
    for one in made:
        drawn.setdefault(one.attributes["task"], []).append(one.response)
    assert {len(said) for said in drawn.values()} == {5} == {len(set(said)) for said in drawn.values()}
    assert {text for said in drawn.values() for text in said} == {f"said {n}" for n in range(9)}


def test_a_task_is_put_in_one_of_thirteen_forms_and_half_of_the_inputs_lose_their_label():
    assert (len(set(WITH_INPUT)), len(set(WITHOUT_INPUT))) == (7, 6)
    for forms, given in ((WITH_INPUT, "Sentence: It rained.\n\nIt snowed."), (WITHOUT_INPUT, "")):
        examples = f"Example 1\nInput: {given}\nOutput: Done."
        made, _, _ = grown(SelfInstruct(instructions=160), ScriptedTeacher(Solves(examples=examples)))
        asked = Counter()
        for one in made:
            text, shown = one.attributes["instruction"], one.attributes["input"]
            assert shown in (given, "It rained.\nIt snowed." if given else "")
            (form,) = (
                n for n, form in enumerate(forms) if form.format(instruction=text, input=shown) == one.instruction
            )
            asked[form] += 1
            asked["stripped"] += shown != given
        # 160 draws: 23 or 27 of each form, standard deviation 5; 80 stripped, standard deviation 6
        assert all(8 < asked[form] < 46 for form in range(len(forms)))
        assert asked["stripped"] == 0 or abs(asked["stripped"] - 80) < 25
        assert bool(asked["stripped"]) == bool(given)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("Sentence: It rained.", "It rained."),
        ("Word: a\nWord: b", "a\nWord: b"),  # one name, as the released code counts
        ("Name: Ann\nAge: 3", "Name: Ann\nAge: 3"),
        ("It rained: at noon.", "It rained: at noon."),
        ("It rained.", "It rained."),
    ],
)
def test_only_an_input_of_one_field_loses_its_label(given, left):
    assert without_its_label(given) == left


def test_machine_tasks_join_the_examples_and_are_parents():
    teacher = ScriptedTeacher(TaskWorld(novel=True))
    made, _, _ = grown(SelfInstruct(instructions=41), teacher)
    first = [one for one in made if one.attributes["request"] < 5]
    later = [one for one in made if one.attributes["request"] >= 5]
    assert {len(one.parents) for one in made} == {8}
    assert {parent.method for one in first for parent in one.parents} == {""}
    assert {sum(parent.method == "self_instruct" for parent in one.parents) for one in later} == {2}


def test_only_classification_tasks_are_shown_where_such_are_wanted_and_their_labels_are_asked_for():
    pool = [
        replace(one, attributes={"is_classification": True} if number % 3 == 0 else {"is_classification": False})
        for number, one in enumerate(seeds())
    ]
    labelled = {one.instruction for one in pool if one.attributes["is_classification"]}

    class Labels(TaskWorld):
        def answer(self, request):
            asked = request.user.rsplit("Task: ", 1)[-1]
            if "Is it classification?" in request.user:
                return "Yes" if sum(map(ord, asked)) % 2 else "No"
            return (
                "Class label: a\nInput: It is the first." if "Class label:" in request.user else super().answer(request)
            )

    method = SelfInstruct(instructions=81, classification_only=True)
    made, _, rounds = grown(method, teacher := ScriptedTeacher(Labels(novel=True)), pool)
    assert rounds == 3  # 40 new tasks a round
    listing = [request for request in teacher.requests if "up to number" in request.user]
    assert len(listing) == 15 and all("names them" in request.user for request in listing)
    shown = [parent for one in made for parent in one.parents]
    assert {parent.instruction for parent in shown} - labelled  # the model's own are among them
    assert all(parent.attributes["is_classification"] is True for parent in shown)
    assert {one.attributes["is_classification"] for one in made if one.status == "current"} == {True, False}


def test_without_a_classification_task_the_drop_says_what_to_add():
    made, (drop,), _ = grown(SelfInstruct(classification_only=True), teacher := ScriptedTeacher(TaskWorld()))
    assert (made, teacher.requests, drop.reason) == ([], [], "no_seed_task") and "is_classification" in drop.detail


def test_a_classification_gets_labels_first_and_several_examples_are_one_task():
    made, _, _ = grown(SelfInstruct(instructions=20), ScriptedTeacher(TaskWorld()))
    labels = [one for one in made if one.status == "current" and one.attributes["is_classification"]]
    assert labels and all(one.response in {"even", "odd", "winter", "autumn", "bird", "fish"} for one in labels)
    assert max(Counter(one.attributes["task"] for one in labels).values()) == 2


def test_the_same_seed_makes_the_same_records():
    runs = [grown(SelfInstruct(instructions=30), ScriptedTeacher(TaskWorld(copies=0.2), jitter=j))[0] for j in (0, 7)]
    assert [one.content() for one in runs[0]] == [one.content() for one in runs[1]]
    assert [one.attributes for one in runs[0]] == [one.attributes for one in runs[1]]


# --------------------------------------------------------------------------------------------------------- bad input


class Says:
    """A teacher that says one thing to everything."""

    models = ("scripted",)

    def __init__(self, text, finish_reason="stop"):
        self.text, self.finish_reason, self.calls = text, finish_reason, 0

    async def tell(self, prompt, /, **given):
        self.calls += 1
        call = Call(digest(self.calls), "scripted", prompt.hash)
        if self.finish_reason == "content_filter":
            raise Unusable("refused", self.text, call)
        return Answer(self.text, self.finish_reason, call)


@pytest.mark.parametrize(
    ("teacher", "reason"),
    [
        pytest.param(Says("I cannot.", "content_filter"), "refused", id="refuses"),
        pytest.param(Says("9. Name a river that is long", "length"), "cut", id="is cut"),
        pytest.param(Says(" \n "), "no_task", id="says nothing"),
    ],
)
def test_a_teacher_that_gives_nothing_ends_after_its_patience_with_reasons(teacher, reason):
    made, drops, rounds = grown(SelfInstruct(), teacher)
    assert (made, rounds) == ([], 3)
    assert [drop.reason for drop in drops] == [reason] * 15  # 3 rounds of 5 requests


def test_a_teacher_that_repeats_a_seed_makes_nothing_new():
    made, _, rounds = grown(SelfInstruct(), Says(f"9. {seeds()[0].instruction}"))
    assert {one.reason for one in made} == {"near_copy"} and rounds == 3


def test_a_teacher_of_another_language_and_one_of_broken_answers_are_refused():
    foreign, _, _ = grown(SelfInstruct(), Says("9. Übersetzen Sie den folgenden Satz bitte"))
    assert {one.reason for one in foreign} == {"odd_start"}
    broken, _, _ = grown(SelfInstruct(), Says('{"tasks": ["Name a river", "and'))
    assert {one.reason for one in broken} == {"odd_start"}


@pytest.mark.parametrize("pool", [[], [Instruction.single(" ", "", record_id=b"blank")]])
def test_without_a_seed_task_nothing_is_asked(pool):
    teacher = Says("9. Name a river that is long")
    made, drops, _ = grown(SelfInstruct(), teacher, pool)
    assert (made, teacher.calls) == ([], 0)
    assert [drop.reason for drop in drops] == (["no_seed_task"] if pool else [])


def test_one_seed_is_enough():
    made, _, _ = grown(SelfInstruct(instructions=5), ScriptedTeacher(TaskWorld(novel=True)), seeds(1))
    assert len(made) >= 5 and {len(one.parents) for one in made} == {1}


def test_when_a_request_fails_those_beside_it_are_finished_first():
    writer = BreaksOff()
    with pytest.raises(TeacherError, match="The budget is spent"):
        grown(SelfInstruct(requests_a_round=4), writer)
    assert (writer.begun, writer.ended) == (4, 3)

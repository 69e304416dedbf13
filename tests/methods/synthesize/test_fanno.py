"""Documents become seeds, and each further one an instruction unlike three that a bound draws; near-copies all go."""

from collections import Counter
from dataclasses import replace

import pytest

from synth_dagster.methods.synthesize.fanno import CHARACTERISTICS, FORMS, SEEDS, TASKS, Fanno, instruction_of
from synth_dagster.parts.text.tokens import count
from synth_dagster.records import Document, digest
from synth_dagster.services import Call, Unusable
from tests.methods.rounds import all_rounds
from tests.scripted_teacher.embedding import BagOfWords
from tests.scripted_teacher.paragraphs import UNFIT, ParagraphWorld, made_up
from tests.scripted_teacher.teacher import ScriptedTeacher


def documents(most=12):
    """Each of words of its own, the later the longer."""
    return [
        Document(
            body=f"{made_up(digest('paragraph', number))} {' '.join(f'x{number}y{place}' for place in range(number))}",
            record_id=digest("document", number),
        )
        for number in range(most)
    ]


def grown(method, teacher, pool=None, embedder=None):
    given = documents() if pool is None else pool
    return all_rounds(method, given, writer=teacher, embedder=embedder or BagOfWords())


def item(record):
    return record.attributes["item"]


# ------------------------------------------------------------------------------------------------------------- seeds


def test_a_seed_document_gives_exactly_96_prompts_and_each_other_one():
    assert len(CHARACTERISTICS) * len(TASKS) * len(FORMS) == len(SEEDS) == 96
    assert len({made.hash for made in SEEDS.values()}) == 96
    teacher = ScriptedTeacher(ParagraphWorld())
    made, _, rounds = grown(Fanno(seed_documents=2, window=4), teacher)
    assert Counter(one.attributes["item"].split(".")[0] for one in made) == {"0": 192, "1": 4, "2": 4, "3": 2}
    assert rounds == 4
    assert Counter(
        (one.attributes.get("characteristic"), one.attributes["form"]) for one in made[:192]
    ) == dict.fromkeys([(characteristic, form) for characteristic in CHARACTERISTICS for form in FORMS], 24)


def test_a_kept_record_costs_an_instruction_and_an_answer():
    teacher = ScriptedTeacher(ParagraphWorld())
    made, _, _ = grown(Fanno(seed_documents=2, window=4), teacher)
    assert {one.status for one in made} == {"current"} and len(made) == 2 * 96 + 10
    assert len(teacher.requests) == 2 * len(made)


def test_the_longest_documents_give_the_seeds():
    made, _, _ = grown(Fanno(seed_documents=2), ScriptedTeacher(ParagraphWorld()))
    assert {one.parents[0].record_id for one in made[:192]} == {digest("document", number) for number in (11, 10)}


def test_of_documents_that_say_the_same_one_stays_and_none_alone_is_lost():
    pool = documents(3)
    copies = [replace(one, body=f"{one.body} too", record_id=digest("copy", place)) for place, one in enumerate(pool)]
    method = Fanno(seed_documents=1, window=9)
    made, drops, _ = grown(method, ScriptedTeacher(ParagraphWorld()), [*pool, *copies])
    assert len(made) == 96 + 2 and [drop.reason for drop in drops] == ["like_another_document"] * 3
    # with the number of the released code whatever stands alone is lost
    none, drops, _ = grown(method.model_copy(update={"min_community": 2}), ScriptedTeacher(ParagraphWorld()), pool)
    assert none == [] and len(drops) == 3


# ------------------------------------------------------------------------------------------------------------- rounds


def test_each_later_request_shows_three_that_the_bound_draws_and_names_them_as_parents():
    teacher = ScriptedTeacher(ParagraphWorld())
    made, _, _ = grown(Fanno(seed_documents=1, window=3), teacher)
    by_item = {item(one): one for one in made}
    later = made[96:]
    for one in later:
        document, *shown = one.parents
        assert isinstance(document, Document) and [item(other) for other in shown] == one.attributes["shown"]
        assert len(set(one.attributes["shown"])) == 3 == len(one.attributes["ucb"])
        # who is shown was there before the round began
        assert all(int(key.split(".")[0]) < int(item(one).split(".")[0]) for key in one.attributes["shown"])
    asked = [request for request in teacher.requests if request.tags("instruction")]
    assert len(asked) == len(later) == 11
    assert [request.tags("instruction") for request in asked] == [
        [by_item[key].instruction for key in one.attributes["shown"]] for one in later
    ]
    # 33 draws out of 96 that nobody has seen: none comes a second time before all have come
    assert len({key for one in later for key in one.attributes["shown"]}) == 33


def test_counts_go_on_from_round_to_round_and_long_answers_are_drawn_first():
    made, _, _ = grown(Fanno(seed_documents=1, window=2), ScriptedTeacher(ParagraphWorld()))
    seeds = {item(one): count(one.response) for one in made[:96]}
    first = {key for one in made[96:98] for key in one.attributes["shown"]}
    longest = sorted(seeds.values(), reverse=True)
    # all bonuses are the same at first: six are drawn out of the 5 % with the longest answers, or next to them
    assert min(seeds[key] for key in first) >= longest[9]
    drawn = Counter(key for one in made[96:] for key in one.attributes["shown"])
    assert max(drawn.values()) == 1


def test_a_long_instruction_is_shown_by_its_first_hundred_words():
    class Talks(ParagraphWorld):
        def _instruction(self, request):
            return f"{super()._instruction(request)} {' '.join(['again'] * 200)}"

    teacher = ScriptedTeacher(Talks())
    grown(Fanno(seed_documents=1, most_alike=1.0, document_likeness=1.0), teacher, documents(3))
    shown = [text for request in teacher.requests for text in request.tags("instruction")]
    assert shown and {len(text.split()) for text in shown} == {100}


def test_the_pool_ends_behind_its_limit():
    made, _, rounds = grown(Fanno(seed_documents=1, window=2, limit=97), ScriptedTeacher(ParagraphWorld()))
    # 96 seeds, then rounds of two until there are more than 97
    assert len(made) == 98 and rounds == 2


# ------------------------------------------------------------------------------------------------------------ filters


def test_of_planted_near_copies_of_what_is_there_all_go_and_name_it():
    world = ParagraphWorld(copies=0.4)
    made, _, _ = grown(Fanno(seed_documents=1, window=10), ScriptedTeacher(world), documents(80))
    gone = {one.instruction: one for one in made if one.reason == "near_copy"}
    assert len(world.copied) > 20 and set(world.copied) == gone.keys()
    by_item = {item(one): one.instruction for one in made}
    for text, one in gone.items():
        near, score = one.attributes["nearest"]
        assert score >= 0.9 and by_item[near].rstrip(".") in text
    assert {one.reason for one in made} == {None, "near_copy"}


def test_unfit_instructions_go_with_their_reason_and_are_not_answered():
    world = ParagraphWorld(unfit=dict.fromkeys(UNFIT, 0.1))
    teacher = ScriptedTeacher(world)
    made, _, _ = grown(Fanno(seed_documents=2), teacher)
    reasons = Counter(one.reason for one in made)
    planted = Counter(world.spoiled.values())
    assert {reason: reasons[reason] for reason in planted} == planted and reasons.keys() == {None, *UNFIT}
    assert len(teacher.requests) == len(made) + reasons[None]


def test_key_words_inside_words_are_refused_only_as_the_released_code_does():
    class Knows(ParagraphWorld):
        def _instruction(self, request):
            return super()._instruction(request).replace("once", "knowing the context")

    counts = [
        Counter(one.reason for one in grown(method, ScriptedTeacher(Knows()), documents(2))[0])
        for method in (Fanno(seed_documents=1), Fanno(seed_documents=1, official_compat=True))
    ]
    assert counts == [{None: 97}, {"key_word": 96}]


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        ("Explain tides.", "Explain tides."),
        ("Instruction: Explain tides.", "Explain tides."),
        ('"Explain\n tides."', "Explain tides."),
        ("**Question:** Why do tides come?", "Why do tides come?"),
    ],
)
def test_labels_and_quotes_around_an_instruction_are_taken_off(text, instruction):
    assert instruction_of(text) == instruction


# ---------------------------------------------------------------------------------------------------------- bad input


def test_answers_and_instructions_that_are_refused_or_cut_stay_with_their_reason():
    faults = {"completion": {"refusal": 0.15, "truncation": 0.15}}
    made, _, _ = grown(Fanno(seed_documents=1), ScriptedTeacher(ParagraphWorld(), faults=faults))
    reasons = Counter(one.reason for one in made)
    assert reasons.keys() >= {None, "refused", "cut", "answer_refused", "answer_cut"}
    assert all(one.parents for one in made)


GERMAN = "Der Hafen liegt an der Mündung des Flusses, und die Leute, die dort wohnen, leben seit jeher vom Handel."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("I am sorry, I cannot.", "answer_refusal"), ("...", "answer_blank"), (GERMAN, "answer_other_language")],
)
def test_an_answer_that_is_none_goes_with_its_reason(answer, reason):
    class Answers(ParagraphWorld):
        def _instruction(self, request):
            told = "Explain to a newcomer, in full, how one would look after this all through the year"
            return f"{told}: {super()._instruction(request)}"

        @staticmethod
        def _answered(request):
            return answer

    method = Fanno(seed_documents=1, most_alike=1.0)
    made, _, rounds = grown(method, ScriptedTeacher(Answers()), documents(2))
    assert {one.reason for one in made} == {reason} and rounds == 1  # without a seed there is no second round


class Refuses:
    models = ("scripted",)

    async def tell(self, prompt, /, **given):
        raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))


def test_a_writer_that_always_refuses_leaves_each_refusal_and_ends():
    made, _, rounds = grown(Fanno(seed_documents=1), Refuses(), documents(3))
    assert Counter(one.reason for one in made) == {"refused": 96} and rounds == 1


class Repeats(ParagraphWorld):
    def _instruction(self, request):
        return "Explain how a mill works in winter."


def test_a_writer_that_always_says_the_same_gives_one_record():
    made, _, _ = grown(Fanno(seed_documents=1), ScriptedTeacher(Repeats()), documents(5))
    assert Counter(one.reason for one in made) == {None: 1, "near_copy": 99}


def test_documents_of_nothing_are_dropped_and_a_pool_of_nothing_ends():
    blank = [Document(body=" \n", record_id=b"a"), Document(body="", record_id=b"b")]
    made, drops, _ = grown(Fanno(), ScriptedTeacher(ParagraphWorld()), blank)
    assert made == [] and [drop.reason for drop in drops] == ["blank_document"] * 2
    assert grown(Fanno(), ScriptedTeacher(ParagraphWorld()), []) == ([], [], 0)

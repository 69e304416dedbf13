"""Every pair and triple of a document's entities is asked about once, and what is told is held to the document."""

import asyncio
from collections import Counter
from itertools import combinations, pairwise, product
from random import Random
from statistics import fmean

import numpy as np
import pytest

from synth_dagster.methods.synthesize.entigraph import Entigraph, Entity, named_in
from synth_dagster.parts.mixing.combinations import drawn
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.entities import SPOILT, EntityWorld, names_in
from tests.scripted_teacher.teacher import ScriptedTeacher

PLACES = "Arbel Cordan Elfan Gorhul Jaskel Lorman Nisov Pelquin Rossul Tormar Beldan Fangor Iljas Korlem Vanter Quinel"
MORE = "Sulpen Darcor Hulgan Merfan"
ENTITIES = f"{PLACES} {MORE}".split()


def article(count=6, name="rivers"):
    """A chain of so many entities: each sentence joins two of them."""
    told = [
        f"There boats go from {one} to {other} in the morning, and people wait for them."
        for one, other in pairwise(ENTITIES[:count])
    ]
    return Document(body=" ".join(told), title="The boats", record_id=digest("article", name))


def related(method, teacher, document=None):
    return asyncio.run(method.synthesize(document or article(), writer=teacher))


# ----------------------------------------------------------------------------------------------------------- the plan


def test_twenty_entities_are_1330_prompts_after_the_list():
    teacher = ScriptedTeacher(EntityWorld())
    made = related(Entigraph(), teacher, article(20))
    # 20 * 19 / 2 = 190 pairs, 20 * 19 * 18 / 6 = 1140 triples; the list is one call more and gives the summary
    assert Counter(one.attributes["kind"] for one in made) == {"summary": 1, "pair": 190, "triple": 1140}
    assert len(teacher.requests) == 1 + 1330 == len(made)
    assert {one.status for one in made} == {"current"}


def test_triples_come_after_all_pairs_and_fewer_of_them_are_the_first_of_more():
    some, all_of_them = Entigraph(triples=5).planned(20), Entigraph().planned(20)
    assert list(some[:190]) == list(combinations(range(20), 2))
    assert len(some) == 195 and all_of_them[:195] == some
    assert Entigraph(triples=0).planned(20) == some[:190]
    assert Entigraph(triples=5, seed=7).planned(20)[190:] != some[190:]
    assert [list(Entigraph().planned(few)) for few in (0, 1, 2)] == [[], [], [(0, 1)]]


class Remembers(ScriptedTeacher):
    """Answers from memory what it was asked before, as the answer cache does, and dies after so many new answers."""

    def __init__(self, world, dies_after):
        super().__init__(world)
        self.memory, self.dies_after = {}, dies_after

    async def _kept(self, call, prompt, given):
        key = digest(prompt.hash, *(str(given[name]) for name in sorted(given) if name not in ("into", "sampling")))
        if key not in self.memory:
            if len(self.memory) >= self.dies_after:
                raise ConnectionError("the machine went down")
            self.memory[key] = await call(prompt, **given)
        return self.memory[key]

    async def tell(self, prompt, /, **given):
        return await self._kept(super().tell, prompt, given)

    async def ask(self, prompt, /, **given):
        return await self._kept(super().ask, prompt, given)


def test_a_run_that_was_broken_off_goes_on_and_pays_no_set_of_entities_twice():
    teacher = Remembers(EntityWorld(), dies_after=37)
    for until in (37, 90, 120):
        teacher.dies_after = until
        with pytest.raises(ConnectionError):
            related(Entigraph(), teacher, article(10))
        assert len(teacher.requests) == until
    teacher.dies_after = 10_000
    made = related(Entigraph(), teacher, article(10))
    # 45 pairs, 120 triples and the list, whatever had been asked before
    assert len(teacher.requests) == 166 == len(made)
    again = related(Entigraph(), ScriptedTeacher(EntityWorld(), jitter=7), article(10))
    assert [(one.content(), one.attributes) for one in again] == [(one.content(), one.attributes) for one in made]


# -------------------------------------------------------------------------------------- the toy theory of the paper


def known_at_last(edges):
    """Which ordered pairs of a random graph are joined by a path."""
    reached = edges | np.eye(len(edges), dtype=bool)
    for _ in range(7):  # paths of up to 2^7 > 99 steps
        reached = (reached.astype(np.float32) @ reached.astype(np.float32)) > 0
    return reached & ~np.eye(len(edges), dtype=bool)


def random_edges(nodes, mean, seed):
    return (np.random.default_rng(seed).random((nodes, nodes)) < mean / nodes) & ~np.eye(nodes, dtype=bool)


def extinct(mean):
    """rho = exp(mean (rho - 1)): the chance that what begins at a node of a large random graph soon ends."""
    rho = 0.0
    for _ in range(500):
        rho = float(np.exp(mean * (rho - 1)))
    return rho


def limit(mean):
    """C = (1 - rho)^2: the share of pairs that a large random graph joins."""
    return (1 - extinct(mean)) ** 2


@pytest.mark.parametrize(
    ("mean", "rho", "theory", "simulated", "deviation"),
    [
        pytest.param(3, 0.0595, 0.8845, 0.870, 0.028, id="three edges a node"),
        pytest.param(2, 0.2032, 0.6349, 0.616, 0.100, id="two"),
        pytest.param(0.5, 1.0, 0.0, 0.010, 0.01, id="half an edge: nothing hangs together"),
    ],
)
def test_what_can_be_known_in_the_end_is_what_theory_says(mean, rho, theory, simulated, deviation):
    assert extinct(mean) == pytest.approx(rho, abs=5e-5) and limit(mean) == pytest.approx(theory, abs=5e-5)
    plateaus = [known_at_last(random_edges(100, mean, seed)).sum() / (100 * 99) for seed in range(20)]
    # two means of 20 graphs differ by deviation * sqrt(2 / 20) as a rule; three of them on each side
    assert abs(fmean(plateaus) - simulated) < 3 * deviation * (2 / 20) ** 0.5


def learnt(edges, pairs, at):
    """The share of ordered pairs that are known after so many drawn pairs: one that a path joins teaches its path."""
    nodes, reachable, known = len(edges), known_at_last(edges), edges.copy()
    next_of = [np.flatnonzero(row).tolist() for row in edges]
    curve = {}
    for step, (start, end) in enumerate(pairs, 1):
        if reachable[start, end] and not known[start, end]:
            known[start, path(next_of, start, end)] = True
        if step in at:
            curve[step] = known.sum() / (nodes * (nodes - 1))
    return curve, reachable.sum() / (nodes * (nodes - 1))


def test_knowledge_of_a_graph_rises_with_pairs_drawn_at_random_as_in_the_papers_model():
    rng = Random(42)
    pairs = (rng.sample(range(100), 2) for _ in range(100_000))
    # the card's run; another graph, whose plateau has a deviation of .028: two of them
    expected = {1_000: 0.219, 3_000: 0.419, 10_000: 0.685, 30_000: 0.846, 100_000: 0.865}
    curve, last = learnt(random_edges(100, 3, seed=4), pairs, expected)
    assert curve == {step: pytest.approx(share, abs=0.056) for step, share in expected.items()}
    assert curve[100_000] == pytest.approx(last, abs=0.001)


def bounds(nodes, mean, steps, error):
    """Between which shares the paper's theorem has what is known after so many pairs were drawn at random."""
    pairs = nodes * (nodes - 1)
    slow, fast = (1 - 1 / pairs) ** steps, (1 - (1 + error) * np.log(nodes) / (pairs * np.log(mean))) ** steps
    low, high = (mean / nodes + limit(mean) * (1 - unknown) for unknown in (slow, fast))
    return low * (1 - error), high * (1 + error)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_known_keeps_between_the_bounds_of_the_papers_theorem(seed):
    rng, at = Random(seed), (1, 1_000, 3_000, 10_000, 30_000, 100_000)
    pairs = (rng.sample(range(100), 2) for _ in range(100_000))
    curve, _ = learnt(random_edges(100, 3, seed), pairs, set(at))
    assert curve[1] == pytest.approx(0.03, abs=0.009)  # the edges: of 9,900 pairs 3 %, five deviations of .0017
    for step in at:
        low, high = bounds(100, 3, step, error=0.1)  # a tenth: of 100 nodes a graph's own plateau differs by .028
        assert low <= curve[step] <= high
        assert step in (1, 100_000) or high - low > 0.1  # and there is room between them for what does not fit
    low, high = bounds(100, 3, 1_000, error=0.1)
    assert not low <= curve[10_000] <= high and not low <= curve[1] <= high


def test_pairs_as_the_planner_draws_them_teach_all_that_can_be_known_and_each_is_drawn_once():
    pairs = [pair for one in drawn(100, 2, 10_000, Random(42)) for pair in (one, one[::-1])]
    curve, last = learnt(random_edges(100, 3, seed=4), pairs, {1_000, 9_900})
    assert curve[9_900] == last and len(set(pairs)) == 9_900
    assert curve[1_000] == pytest.approx(0.219, abs=0.056)


def path(next_of, start, end):
    """The nodes of a shortest path, without its start."""
    came, layer = {start: start}, [start]
    while end not in came:
        found = [(after, node) for node in layer for after in next_of[node] if after not in came]
        came |= dict(reversed(found))
        layer = list(dict.fromkeys(after for after, _ in found))
    nodes = [end]
    while came[nodes[-1]] != start:
        nodes.append(came[nodes[-1]])
    return nodes


# ----------------------------------------------------------------------------------------------------- what is kept


def test_of_every_kind_of_planted_fault_all_are_eliminated_with_their_reason_and_nothing_else():
    world = EntityWorld(dict.fromkeys(SPOILT, 0.05))
    made = related(Entigraph(), ScriptedTeacher(world), article(12))
    assert set(world.spoiled.values()) == set(SPOILT)
    for one in made[1:]:
        assert one.reason == world.spoiled.get(frozenset(one.attributes["entities"])), one.body


def test_a_name_or_number_of_its_own_is_allowed_where_facts_are_not_checked():
    made = related(Entigraph(keep_facts=False), ScriptedTeacher(EntityWorld({"invented_fact": 1.0})))
    assert {one.status for one in made} == {"current"}


def test_each_record_says_of_what_it_tells_and_names_its_document_alone():
    document = article(5)
    made = related(Entigraph(triples=1), ScriptedTeacher(EntityWorld()), document)
    assert all(one.parents == (document,) and one.title == "The boats" for one in made)
    summary, *others = made
    assert (
        summary.body == "There boats go from Arbel to Cordan in the morning, and people wait for them."
        and summary.attributes["entities"] == ENTITIES[:5]
    )
    for one in others:
        assert all(f"## {name} (The boats)" in one.body for name in one.attributes["entities"])
    kinds = Counter((one.attributes["kind"], len(one.attributes["entities"])) for one in others)
    assert kinds == {("pair", 2): 10, ("triple", 3): 1}


def test_entities_that_the_document_does_not_have_are_left_out():
    listed = [Entity(name=name) for name in ("Arbel", "go  from", "ARBEL", "Atlantis", " ", "boat of Arbel")]
    assert named_in(article().body, listed) == ["Arbel", "go from", "boat of Arbel"]  # its words stand there, if apart
    made = related(Entigraph(triples=0), ScriptedTeacher(EntityWorld(unnamed=("Atlantis", "Lemuria"))), article(4))
    assert made[0].attributes["left_out"] == 2
    assert "Atlantis" not in {name for one in made for name in one.attributes["entities"]}


def test_only_so_many_entities_are_combined():
    made = related(Entigraph(most_entities=4, triples=2), ScriptedTeacher(EntityWorld()), article(12))
    assert len(made) == 1 + 6 + 2
    assert {name for one in made[1:] for name in one.attributes["entities"]} == set(names_in(article(12).body)[:4])


def test_a_long_document_is_cut_and_entities_are_related_within_a_piece():
    body = "\n\n".join(article(5, name).body.replace("There boats", name) for name in ("Carts", "Ships", "Trams"))
    long = Document(body=body, title="Traffic", record_id=b"long")
    teacher = ScriptedTeacher(EntityWorld())
    made = related(Entigraph(piece_tokens=80, triples=0), teacher, long)
    pieces = {one.attributes["piece"] for one in made}
    assert pieces == {0, 1, 2}
    for one, other in product(("Carts", "Ships", "Trams"), repeat=2):
        assert one == other or not any({one, other} <= set(made_.attributes["entities"]) for made_ in made[1:])


# --------------------------------------------------------------------------------------------------------- bad input


def test_a_list_that_never_parses_ends_after_its_tries():
    teacher = ScriptedTeacher(EntityWorld(), faults={"entities": {"broken_json": 1.0}})
    with pytest.raises(Unusable, match="unparsable"):
        related(Entigraph(tries=3), teacher)
    assert len(teacher.requests) == 3  # the released code asks for ever


def test_of_a_list_that_is_broken_now_and_then_nothing_is_lost():
    for number in range(20):
        teacher = ScriptedTeacher(EntityWorld(), faults={"entities": {"broken_json": 0.3}}, seed=number)
        assert len(related(Entigraph(triples=0), teacher, article(3))) == 1 + 3


def test_a_piece_without_a_list_is_eliminated_and_the_others_stay():
    class Forgets(EntityWorld):
        def answer(self, request):
            return {"nothing": 1} if request.task == "entities" and "Ships" in request.user else super().answer(request)

    body = "\n\n".join(article(5, name).body.replace("There boats", name) for name in ("Carts", "Ships"))
    made = related(
        Entigraph(piece_tokens=80, triples=0), ScriptedTeacher(Forgets()), Document(body=body, record_id=b"two")
    )
    assert Counter(one.reason for one in made) == {None: 16, "entities_unparsable": 1}


def test_answers_that_are_refused_or_cut_stay_with_their_reason():
    faults = {"completion": {"refusal": 0.2, "truncation": 0.2}}
    made = related(Entigraph(), ScriptedTeacher(EntityWorld(), faults=faults), article(10))
    assert Counter(one.reason for one in made).keys() == {None, "refused", "cut"}


@pytest.mark.parametrize("body", ["", " \n\t", "--- ***"])
def test_a_document_of_nothing_is_dropped_before_anybody_is_asked(body):
    teacher = ScriptedTeacher(EntityWorld())
    made = related(Entigraph(), teacher, Document(body=body, record_id=b"n"))
    assert isinstance(made, Drop) and made.reason == "blank_document" and teacher.requests == []


def test_a_document_about_one_thing_gives_its_summary():
    made = related(Entigraph(), ScriptedTeacher(EntityWorld()), Document(body="It is in Arbel.", record_id=b"one"))
    assert [(one.attributes["kind"], one.attributes["entities"]) for one in made] == [("summary", ["Arbel"])]

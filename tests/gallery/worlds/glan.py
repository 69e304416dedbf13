"""Courses of five subjects; one subject has no syllabus, and a fifth of what is brought into form is broken."""

from random import Random

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.syllabi import SyllabusWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

COURSES = {  # discipline -> subject: what its six sessions are about
    "Beekeeping": """
        The hive: combs, frames, stands, entrances, roofs, smokers
        The colony: queens, workers, drones, brood, swarms, guards
        The beekeeper's year: spring inspections, nectar flows, requeening, feeding, wintering, records
        Honey and wax: extraction, filtering, storage, candles, labels, prices
        The health of bees: varroa mites, foulbrood, nosema, robbing, pesticides, clean tools""",
    "Clockmaking": """
        Movements: mainsprings, gear trains, pinions, bearings, arbors, plates
        Escapements: anchors, levers, balance wheels, hairsprings, pendulums, beat errors
        The workshop: lathes, files, loupes, cleaning baths, oils, gauges
        Striking and chimes: hammers, bells, rack levers, fly governors, gongs, cams
        Repair: worn pivots, broken springs, dials, cases, estimates, guarantees""",
    "Cartography": """
        Projections: cylinders, cones, planes, distortion, grids, scales
        Surveying: baselines, angles, levelling, satellites, field books, errors
        Relief: contours, hachures, shading, spot heights, sections, colours
        Lettering: names of places, type sizes, curved labels, overlaps, legends, margins
        Maps on screens: tiles, zoom levels, layers, symbols, data formats, updates""",
    "Bookbinding": """
        Paper: grain, weight, sizing, folds, tears, humidity
        Sewing: thread, needles, frames, kettle stitches, tapes, headbands
        Covers: boards, cloth, leather, hinges, corners, endpapers
        Adhesives: wheat paste, animal glue, mixtures, brushes, drying, pressing
        Decoration: gold leaf, blind tooling, marbling, titles, edges, stamps""",
}
SUBJECTS = {
    discipline: dict(line.strip().split(": ") for line in course.strip().splitlines())
    for discipline, course in COURSES.items()
}
SESSIONS = {subject: told.split(", ") for course in SUBJECTS.values() for subject, told in course.items()}
ASPECTS = ("the choice of", "the care of", "common faults of", "the cost of", "the history of")
WAYS = (
    "How do {} bear on each other? Give an example from practice.",
    "A beginner asks about {}. Explain in a few sentences what matters most.",
    "Which mistake shows that somebody has not understood {}?",
    "In which order would you teach {}, and why?",
)


class Courses(SyllabusWorld):
    """The world of courses, with names as people would give them."""

    def answer(self, request):
        if "question of homework" in request.user:
            concepts = request.tag("concepts").splitlines()
            return WAYS[int(len(WAYS) * share(request.key, "way"))].format(_and(concepts))
        if any(request.user.startswith(way.partition("{")[0]) for way in WAYS):
            return self._answered(request)
        return super().answer(request)

    @staticmethod
    def _answered(request):
        named = [
            f"{aspect} {thing}"
            for things in SESSIONS.values()
            for thing in things
            for aspect in ASPECTS
            if f"{aspect} {thing}" in request.user
        ]
        first, *others = named
        rest = f"; only then look at {_and(others)}, which follow from it" if others else ""
        return (
            f"Begin with {first}: whoever gets that wrong meets the mistake again at every later step{rest}. A piece "
            "that went wrong, held in the hand, teaches it faster than a page of rules."
        )

    @staticmethod
    def _listed(request):
        course = SUBJECTS[request.tag("discipline").splitlines()[0]]
        chosen = Random(request.key).sample(list(course), 3)
        return "\n".join(f"- {subject} (first year): {course[subject]}" for subject in chosen)

    def _planned(self, subject):
        if subject in self.without:
            return "This subject is learnt at work."
        return "\n".join(
            f"- {thing.capitalize()}: {', '.join(f'{aspect} {thing}' for aspect in ASPECTS)}"
            for thing in SESSIONS[subject]
        )


def _and(names):
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def teacher():
    faults = {"subjects": {"broken_json": 0.2}, "syllabus": {"broken_json": 0.2}}
    return ScriptedTeacher(Courses(without=frozenset({"Striking and chimes"})), faults=faults)

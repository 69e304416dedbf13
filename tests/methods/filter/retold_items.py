"""A hundred questions beside the same questions told in other words by us, and thousands of other questions.

Each is made of three sentences out of ten, so that no two share more than one of them; each sentence has two tellings
that share few words in a row. The other questions are made the same way of other sentences.
"""

from itertools import product

Pair = tuple[str, str]

OPENINGS: list[Pair] = [
    (
        "A baker makes 120 loaves of rye bread before the shop opens at six.",
        "Before opening at six, 120 rye loaves come out of a baker's oven.",
    ),
    (
        "The orchard of the monastery has 45 apple trees in five rows.",
        "In the monastery's orchard, five rows of apple trees make 45 in all.",
    ),
    (
        "A ferry carries 80 passengers on every crossing of the lake.",
        "Every time it crosses the lake, 80 passengers are on the ferry.",
    ),
    (
        "Marta knits scarves and needs 3 balls of wool for each one.",
        "For every scarf that Marta knits, 3 balls of wool are used.",
    ),
    (
        "The library lends out 250 novels in an ordinary week.",
        "In a week that is ordinary, 250 novels are lent by the library.",
    ),
    (
        "A plumber charges 40 euros for coming and 25 euros per hour of work.",
        "Per hour of work a plumber takes 25 euros, besides 40 euros for the visit.",
    ),
    (
        "Two cyclists leave the castle at noon in opposite directions.",
        "At noon, in opposite directions, two cyclists set out from the castle.",
    ),
    (
        "The aquarium holds 600 litres and has a small leak at the bottom.",
        "At its bottom an aquarium of 600 litres leaks a little.",
    ),
    (
        "A choir of 36 singers stands on three steps of a staircase.",
        "On three steps of the staircase, 36 singers of a choir are standing.",
    ),
    (
        "The telescope takes a photograph of the comet every 90 seconds.",
        "Every 90 seconds, the comet is photographed with the telescope.",
    ),
]
MIDDLES: list[Pair] = [
    ("One fifth of everything is spoiled by the rain on Monday.", "On Monday the rain spoils a fifth of all there is."),
    ("On Saturday the number is twice as large as on Friday.", "Saturday's number is double the one of Friday."),
    (
        "After a quarter of the time the owner takes a long rest.",
        "The owner rests for long after a quarter of the time.",
    ),
    (
        "A neighbour lends 14 more and wants them back in spring.",
        "In spring a neighbour wants back the 14 that he lent.",
    ),
    ("The price of each rises by 10 percent in the new year.", "With the new year each costs 10 percent more."),
    (
        "Seven of them are given to the school for its festival.",
        "For the festival of the school, seven are given away.",
    ),
    ("Half of what remains is sold at the market in the village.", "The village market takes half of what is left."),
    ("A storm delays the whole work by three days and two nights.", "Three days and two nights are lost by a storm."),
    (
        "The younger brother always does a third less than the elder.",
        "A third less than the elder, so works the younger.",
    ),
    ("Every tenth one is checked with care and then put back.", "With care they check every tenth, then put it back."),
]
QUESTIONS: list[Pair] = [
    ("How many are left at the end of the second week?", "When the second week ends, what number remains?"),
    ("What is the total cost for the family in one year?", "In one year, how much does the family pay altogether?"),
    ("How long does it take until all of the work is done?", "Until the work is all done, what time goes by?"),
    ("Which of the two has done more by the evening?", "By the evening, who of both is ahead?"),
    ("How far apart are they after an hour and a half?", "What distance lies between them one and a half hours later?"),
    ("What share of the whole is that as a fraction?", "As a fraction, which part of all does it make?"),
    ("How much would be needed for a group of fifty guests?", "If fifty guests came, what amount would be required?"),
    ("On which day of the week is the last one finished?", "The last is ready on what weekday?"),
    ("What is the average of the first four months?", "For the first four months, find the mean."),
    ("By how much would it change with one helper more?", "With an additional helper, how large is the difference?"),
]

OTHER_OPENINGS = [
    "A telephone company sells cards with {n} minutes of calls abroad.",
    "The cinema in the harbour shows {n} films during the festival.",
    "Farmer {a} sows wheat on {n} acres behind the old windmill.",
    "In a tournament of chess {n} players meet everybody once.",
    "{a} paints fences and uses {n} buckets of green colour.",
    "A satellite circles the planet {n} times within a fortnight.",
    "The gym of the city counts {n} members who swim.",
    "{a} collects stamps and owns {n} of them from Peru.",
    "A jar contains {n} marbles of glass, blue and white.",
    "The bus line runs {n} kilometres through the mountains.",
]
OTHER_MIDDLES = [
    "Engineers replace nine broken parts with steel.",
    "Tickets bought online are cheaper by four dollars.",
    "Each visitor brings along two children and a dog.",
    "Because of frost nothing grows during December.",
    "Winners of a round receive six points, losers none.",
    "An old machine works at half the speed of a modern one.",
    "Rent, light and heating come to 300 per month.",
    "Only those above sixteen may take part in it.",
    "The captain orders supplies for eleven sailors.",
    "Between both stops lies a tunnel of 800 metres.",
]
OTHER_QUESTIONS = [
    "Find the largest possible profit.",
    "Calculate the perimeter of the field.",
    "With what probability is the next one blue?",
    "How old will the twins be when this happens?",
    "Write the result as a decimal number.",
    "How many handshakes were exchanged?",
    "Which speed, in metres per second, is that?",
    "Determine how heavy the empty box must be.",
    "How many different orders are possible?",
    "What temperature does the thermometer show?",
]
NAMES = ["Olga", "Tomas", "Yuki", "Amina", "Pedro"]


def items() -> list[Pair]:
    """A hundred questions, each with its other telling: the third sentence follows from the first two."""
    chosen = [(OPENINGS[i], MIDDLES[j], QUESTIONS[(i + j) % 10]) for i, j in product(range(10), repeat=2)]
    return [tuple(" ".join(sentence[telling] for sentence in each) for telling in (0, 1)) for each in chosen]


def others(count: int) -> list[str]:
    """Other questions, no two alike."""
    parts = product((3, 12, 26, 38, 54, 66, 71, 84, 97, 130), NAMES, OTHER_OPENINGS, OTHER_MIDDLES, OTHER_QUESTIONS)
    all_of_them = dict.fromkeys(
        f"{opening.format(n=n, a=name)} {middle} {question}" for n, name, opening, middle, question in parts
    )
    return list(all_of_them)[:: max(1, len(all_of_them) // count)][:count]

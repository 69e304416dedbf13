"""A world of thirty small functions over a text or a row of numbers, that a writer adds to a code base."""

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from synth_dagster.records import digest
from tests.scripted_teacher.faults import drawn_fault
from tests.scripted_teacher.reading import Request

# name -> what it says of itself, its argument, and its result as an expression
LINES = """
vowel_share | Count the vowels, divide by how long the text is. | text | sum(c in 'aeiou' for c in text) / len(text)
caesar_shift | Move letters three places on in the alphabet. | text | ''.join(chr(ord(c) + 3) for c in text)
longest_word | Split at blanks and give back what has most letters. | text | max(text.split(), key=len)
initials | Take the first character between spaces, capitalised. | text | [w[0].upper() for w in text.split()]
is_palindrome | Tell whether reading backwards makes no difference. | text | text == text[::-1]
letter_counts | Pair each symbol with how often it stands there. | text | {c: text.count(c) for c in text}
strip_digits | Delete numerals, keep punctuation untouched. | text | ''.join(c for c in text if not c.isdigit())
title_slug | Lower all, join pieces by hyphens for an address. | text | '-'.join(text.lower().split())
hash_bucket | Sum code points, then the remainder by sixteen decides. | text | sum(map(ord, text)) % 16
line_widths | Measure columns of every row until its end. | text | [len(x) for x in text.splitlines()]
open_brackets | See whether parentheses close as often as they open. | text | text.count('(') == text.count(')')
anagram_key | Sort letters so that rearrangements coincide. | text | ''.join(sorted(text))
swap_case | Exchange capitals with small ones. | text | text.swapcase()
mean_gap | Average distance from one entry to its successor. | row | (row[-1] - row[0]) / (len(row) - 1)
peak_place | Where the greatest stands, earliest of ties. | row | row.index(max(row))
total_growth | Ratio of last over first. | row | row[-1] / row[0]
median_of_three | Order beginning, middle, end; pick what lies between. | row | sorted(row[:: len(row) // 2])[1]
odd_positions | Skip every other item starting with the second. | row | row[::2]
sign_changes | How often neighbours differ in being negative. | row | sum(a * b < 0 for a, b in zip(row, row[1:]))
digit_totals | Add decimal figures of each integer. | row | [sum(map(int, str(abs(n)))) for n in row]
pairwise_products | Multiply adjacent members along the sequence. | row | [a * b for a, b in zip(row, row[1:])]
clamp_window | Force values into minus five up to fifty. | row | [max(-5, min(50, n)) for n in row]
frequency_table | Map distinct ones onto occurrences. | row | {n: row.count(n) for n in row}
rotate_twice | Push both leading elements behind the rest. | row | row[2:] + row[:2]
cumulative_peak | Running record so far at any index. | row | [max(row[: k + 1]) for k in range(len(row))]
prime_filter | Retain those without divisors. | row | [n for n in row if n > 1 and all(n % d for d in range(2, n))]
binary_strings | Write integers in base two as zeros and units. | row | [bin(n) for n in row]
rank_order | Replace by standing, smallest is zero. | row | [sorted(row).index(n) for n in row]
alternating_total | Plus, minus, plus through all. | row | sum(row[::2]) - sum(row[1::2])
spread_width | Largest less smallest. | row | max(row) - min(row)
"""
BASE: Mapping[str, tuple[str, str, str]] = {
    name: (said, given, code) for name, said, given, code in (line.split(" | ") for line in LINES.strip().splitlines())
}
GIVEN = {"text": "'a small (text)'", "row": "[4, -2, 7]"}

# How a function may be bad, and why it goes.
BAD: Mapping[str, str] = {
    "two": "no_function",
    "prose": "no_function",
    "silent": "no_objective",
    "fails": "trial_program_failed",
    "endless": "trial_time_out",
    "idle_trial": "trial_calls_nothing",
}


def written(name: str, *, said: bool = True, more: str = "") -> str:
    words, given, code = BASE[name]
    line = f'    """{words}"""\n' if said else ""
    return f"def {name}({given}):\n{line}{more}    return {code}"


class CodeBase:
    """`bad` is the rate of each way in which a function is bad, which its name decides."""

    def __init__(self, bad: Mapping[str, float] | None = None) -> None:
        self.bad = bad or {}

    def answer(self, request: Request) -> dict[str, Any] | None:
        found = {"helpers": self._written, "trial": self._tried}.get(request.task)
        return found(request) if found else None

    def fault(self, name: str) -> str | None:
        return drawn_fault(digest("function", name), self.bad)

    def _written(self, request: Request) -> dict[str, list[str]]:
        shown = set(re.findall(r"def (\w+)", request.user))
        names = Random(request.key).sample([name for name in BASE if name not in shown], int(request.tag("count")))
        return {"programs": [self._program(name) for name in names]}

    def _program(self, name: str) -> str:
        fault = self.fault(name)
        if fault == "two":
            return f"{written(name)}\n\ndef {name}_again(x):\n    return x"
        if fault == "prose":
            return f"A function {name} would be of use here."
        more = {"fails": "    1 / 0\n", "endless": "    while True:\n        pass\n"}.get(fault or "", "")
        return f"```python\n{written(name, said=fault != 'silent', more=more)}\n```"

    def _tried(self, request: Request) -> dict[str, str]:
        name, given = re.findall(r"def (\w+)\((\w+)\)", request.tag("function"))[0]
        called = f"made = {name}({GIVEN[given]})"
        return {"trial": "made = None" if self.fault(name) == "idle_trial" else called}

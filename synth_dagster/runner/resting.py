"""Which calls of a round each of its records rests on, so that erasure reaches an answer and no other record's.

A record rests on the calls that it names. What was asked in the round and nobody names was asked for all of its records
alike: in a round that names nothing, that is everything.
"""

from collections.abc import Callable, Iterable, Sequence

from synth_dagster.records import Record
from synth_dagster.services import Drop


def resting_on(
    results: Sequence[Record | Sequence[Record] | Drop], calls: Sequence[bytes]
) -> Callable[[Record | Drop], Sequence[bytes]]:
    """The calls of each record and drop of a round that made these calls."""
    given = [one for result in results for one in ((result,) if isinstance(result, Record | Drop) else result)]
    records = any(isinstance(one, Record) for one in given)
    named = {call for one in given for call in _named(one)}
    unnamed = [call for call in calls if call not in named]

    def rests_on(one: Record | Drop) -> Sequence[bytes]:
        return in_one_order([*_named(one), *(unnamed if isinstance(one, Record) or not records else ())])

    return rests_on


def in_one_order(calls: Iterable[bytes]) -> tuple[bytes, ...]:
    """Without the order of arrival, which is another one each time: a record's calls are part of its bytes."""
    return tuple(sorted(set(calls)))


def _named(one: Record | Drop) -> Sequence[bytes]:
    if isinstance(one, Drop):
        return one.calls or ((one.call.call_id,) if one.call else ())
    return one.calls

"""The codes of languages that texts can be told to be in, and settings that name them."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# Those of the model of py3langid 0.4, so that a recipe is checked without reading it: a test holds them to it.
_CODES = """
    ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo fr fuv fy
    ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km kn ko ku ky la lb lg
    lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl
    sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu
    """
KNOWN = frozenset(_CODES.split())


def told(names: Iterable[str], made: Iterable[str] = ()) -> None:
    """Raises ValueError where a name is none that a text is ever told to be in, nor one of those made of others."""
    strange = sorted({*names} - KNOWN - {*made})
    if strange:
        raise ValueError(
            f"no text is ever told to be in {', '.join(map(repr, strange))}. Codes are those of ISO 639-1 where there "
            "is one, as 'en', else of ISO 639-3; docs/languages.md says what becomes of a language that is not known"
        )


def _one_step(counted_as: dict[str, str]) -> dict[str, str]:
    told(counted_as)
    twice = sorted({*counted_as} & {*counted_as.values()})
    if twice:
        raise ValueError(f"{', '.join(map(repr, twice))} is counted as another language and stands for one; choose")
    return counted_as


CountedAs = Annotated[dict[str, str], AfterValidator(_one_step)]


class Tellable(BaseModel):
    """Which languages count as one, of a method that tells languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    counted_as: CountedAs = Field(
        {},
        description="Language -> the one that it counts as, with its probability: {ms: id} where Malay is not expected "
        "and Indonesian is often taken for it.",
    )

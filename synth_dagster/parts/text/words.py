"""Words of English text, cheap and without a model: for comparing, counting and checking support."""

import re

_WORD = re.compile(r"\w+(?:['\u2019.\-]\w+)*")
_ENDINGS = ("ings", "ing", "edly", "ies", "ied", "ed", "ly", "es", "s", "e", "y")
_SHORTEST_STEM = 3

_STOP_WORDS = """
    a about above after again against all also although am an and any are as at be because been before being below
    between both but by can could did do does doing down during each either else ever every few for from further had
    has have having he hence her here hers herself him himself his how however i if in indeed into is it its itself
    just may me might mine more most much must my myself neither nor not now of off often on once one only onto or
    other otherwise our ours ourselves out over own per quite rather same shall she should since so some still such
    than that the their theirs them themselves then there therefore these they this those though through thus to too
    under until up upon us very was we were what when where whether which while who whom whose why will with within
    without would yet you your yours yourself yourselves
    """
STOP_WORDS = frozenset(_STOP_WORDS.split())


def words(text: str) -> list[str]:
    """The words in lower case and in order; `os.path`, `don't` and `3.14` are one word each."""
    return _WORD.findall(text.casefold())


def content_words(text: str) -> list[str]:
    """The words that carry meaning by themselves."""
    return [word for word in words(text) if word not in STOP_WORDS]


def one_line(text: str) -> str:
    """The text with every run of white space as one blank: a quotation may be wrapped differently."""
    return " ".join(text.split())


def normalised(text: str) -> str:
    """The text without case, extra spacing and final marks; inner symbols stay: `a << b` is not `a >> b`."""
    return one_line(text.casefold()).rstrip(" .?!")


def is_blank(text: str) -> bool:
    """Whether a text has no letter and no digit."""
    return not any(character.isalnum() for character in text)


def stem(word: str) -> str:
    """The word without its commonest English ending, so that `runs` and `running` meet."""
    endings = (ending for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM)
    bare = word.removesuffix(next(endings, ""))
    doubled = len(bare) > _SHORTEST_STEM and bare[-1] == bare[-2] and bare[-1].isalpha()
    return bare[:-1] if doubled else bare

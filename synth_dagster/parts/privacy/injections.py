"""Instructions hidden in a text for the model that reads it: features with weights, a linear score.

The features are those that attacks share, whatever their words: a call to set aside what was said before, a new role,
an address to the model, marks of a chat template, a request to give something away, text that people cannot see. One
strong feature or two weak ones reach the threshold of 1. A text about attacks quotes them and is found too: what is
found goes into quarantine, not away.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.parts.privacy.disguises import ENCODED, Reading
from synth_dagster.parts.privacy.foreign_orders import ORDERS
from synth_dagster.parts.text.prefilter import may_match, which_match

THRESHOLD = 1.0

_MODEL = (
    r"(?:a\.?i\.?(?: (?:model|system|agent|assistant))?s?|(?:large )?language models?|llms?|assistants?|chat ?bots?|"
    r"chatgpt|gpt(?:-?\d)?|claude|gemini|bots?|automated (?:system|reviewer|grader)s?|"
    r"(?:reviewing|grading|judging) models?|models?)"
)
_SAID = (
    r"(?:instruct\w*|prompts?|rules?|guidelines?|directi(?:on|ve)s?|commands?|context|messages?|polic(?:y|ies)|"
    r"constraints?|tasks?|orders?|restrictions?|safeguards?|requests?|training|programming|guardrails?|filters?)"
)
_GUARDED = (
    r"(?:system prompt|hidden prompt|initial prompt|developer message|system message|your (?:\w+ )?"
    r"(?:instructions|prompt|rules|configuration)|the (?:system|hidden|original|initial|above) (?:instructions|prompt|"
    r"rules|message)|api[ _-]?keys?|passwords?|credentials|secret keys?|access tokens?|"
    r"(?:text|words|everything|conversation) (?:above|so far)|environment variables)"
)
_WITHOUT = r"without (?:any )?(?:restrictions?|limitations?|filters?|censorship|ethic\w+)"


# Between words stands a blank, the end of a line that was wrapped or quoted, or marks of emphasis; and a sentence goes
# on over the end of a line, not over that of a paragraph.
_INSTEAD = {" ": r"(?:[\s*_~`>]{1,3})", r"[^.\n]": r"(?:[^.\n]|(?<!\n)\n)"}
_TOKEN = re.compile(r"\[(?:\\.|[^\]\\])*\]|\\.|.", re.DOTALL)


def _words(pattern: str) -> re.Pattern[str]:
    """A pattern in which a blank is whatever may stand between two words, and a sentence may go on in the next line."""
    made = [_INSTEAD.get(found[0]) or found[0] for found in _TOKEN.finditer(pattern)]
    return re.compile("".join(made), re.IGNORECASE | re.MULTILINE)


# feature -> weight and pattern; a blank is what may stand between words; gaps are bounded, so that the search is linear
_FEATURES: Mapping[str, tuple[float, re.Pattern[str]]] = {
    "override": (
        1.0,
        _words(
            r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass|neglect|set aside|put aside|"
            r"pay no (?:attention|heed) to|stop (?:following|obeying)|do(?: not|n't) (?:follow|obey)|"
            r"no longer (?:follow|obey|apply)|cancel|void|delete|erase|drop|skip)\b[^.\n]{0,30}\b"
            r"(?:previous|prior|above|earlier|preceding|all|any|every|your|existing|foregoing|initial|original|system|"
            r"(?:you (?:were|have been) (?:told|given)))\b[^.\n]{0,30}\b" + _SAID + r"\b"
        ),
    ),
    "told_before": (
        1.0,
        _words(
            r"\b(?:ignore|disregard|forget) (?:the|those|these|your) (?:\w+ )?"
            + _SAID
            + r" (?:above|before|so far|given)\b|"
            r"\b(?:ignore|disregard|forget) (?:everything|all|anything|whatever|what)\b[^.\n]{0,30}"
            r"\b(?:said|told|above|before|previous\w*|instructed|written|read|know)\b"
        ),
    ),
    "superseded": (
        1.0,
        _words(
            r"\b(?:instructions?|prompts?|rules?|guidelines?|directives?|orders?) (?:\w+ ){0,4}"
            r"(?:are|is|have been|has been|were) (?:now |hereby |all )?(?:void|null|cancel\w*|obsolete|superseded|"
            r"overrid\w+|replaced|revoked|outdated|invalid|no longer (?:valid|in force|apply\w*))\b"
        ),
    ),
    "new_instructions": (
        0.7,
        _words(
            r"\b(?:new|updated?|revised|real|actual|true|following|important|urgent|special|secret) "
            r"(?:system )?(?:instructions?|prompt|task|objective|directive|orders?|goal|mission)"
            r"\s?(?:[:=]|follows?\b|is\b)"
        ),
    ),
    "new_role": (
        0.7,
        _words(
            r"\b(?:you are now|from now on,? you|you(?:'re| are) no longer|act as (?:if you|an? |the |my )|"
            r"pretend (?:to be|that you|you)|you (?:have been|are) (?:freed|unlocked|reprogrammed|jailbroken)|"
            r"your (?:new|true|real) (?:role|name|identity|purpose|persona|task|goal) is|"
            r"(?:roleplay|role-play) as|assume the (?:role|identity|persona) of|switch to)\b"
        ),
    ),
    "unbound": (
        1.0,
        _words(
            r"\b(?:(?:developer|god|jailbreak|dan|unrestricted|sudo|unsafe) mode|do anything now|"
            r"(?:answer|respond|reply|act|behave|speak|talk|operate|chat|comply|assist|you are)\b[^.\n]{0,60}\b"
            + _WITHOUT
            + r"|"
            r"(?:free|freed|exempt|released) from (?:all|any|your|the) (?:\w+ )?(?:rules|restrictions|limits|"
            r"limitations|guidelines|constraints|policies)|you(?:'re| are) (?:no longer|not) bound by)\b"
        ),
    ),
    # every licence includes something "without limitation", and has somebody do something "without restriction"
    "without_limits": (0.5, _words(r"\b" + _WITHOUT + r"\b")),
    "addressed": (
        0.7,
        _words(
            r"(?:\b(?:attention|note|notice|message|instructions?|memo|dear|hey|hello|to|for)[ ,:]{1,3}"
            r"(?:to |for )?(?:the |any |all |every |whatever )?" + _MODEL + r"\b(?=[^.\n]{0,40}[:,!\-]| (?:reading|"
            r"processing|who|that|which|summari\w+|analy\w+|parsing|evaluating))|"
            r"\b" + _MODEL + r" (?:reading|processing|parsing|summari[sz]ing|analy[sz]ing|evaluating|grading|judging|"
            r"translating|that (?:reads?|process\w*)|who reads?) (?:this|the)\b|"
            r"\bif you(?:'re| are) an? " + _MODEL + r"\b|\bas an? " + _MODEL + r",? you (?:must|should|will|have to)\b)"
        ),
    ),
    "template_tokens": (
        1.0,
        _words(
            r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|end|"
            r"begin_of_text|channel|message|return|endofprompt)\|>|<<SYS>>|\[/?INST\]|</?start_of_turn>|<end_of_turn>|"
            r"\[/?SYSTEM_PROMPT\]|</?(?:system_prompt|system_message|system-reminder)>"
        ),
    ),
    "template_turns": (
        0.6,
        _words(
            r"^\s{0,3}(?:#{1,4} ?(?:instruction|system|assistant|response)s?:?\s*$|"
            r"(?:system|assistant|human|user) ?(?:prompt|message)?: ?\S|</?(?:system|assistant|instructions?)>|"
            r"\[(?:system|assistant|admin)\b[^\]\n]{0,40}\])"
        ),
    ),
    "give_away": (
        1.0,
        _words(
            r"\b(?:reveal|print|repeat|output|show|display|disclose|leak|tell (?:me|us)|give (?:me|us)|list|dump|"
            r"recite|send|post|forward|upload|transmit|exfiltrate|e-?mail|submit|expose|share)\b[^.\n]{0,40}\b"
            + _GUARDED
            + r"\b"
        ),
    ),
    "send_to": (
        0.6,
        _words(
            r"\b(?:send|post|forward|upload|transmit|exfiltrate|e-?mail|submit|append|report)\b[^\n]{0,80}\b"
            r"(?:to|at|via)\b[^\n]{0,20}(?:https?://|www\.|[\w.+\-]{1,64}@[\w\-]{1,63}\.)"
        ),
    ),
    "fetched_image": (0.7, _words(r"!\[[^\]\n]{0,80}\]\(https?://[^)\s]{1,200}\?[^)\s]{0,100}=[^)]{0,200}\)")),
    "tool_call": (
        0.7,
        _words(
            r"</?tool_calls?>|<function_calls?>|\"(?:tool_calls|function_call)\"\s{0,3}:|"
            r"\{\s{0,5}\"name\"\s{0,3}:\s{0,3}\"\w{1,60}\",\s{0,5}\"(?:arguments|parameters)\"\s{0,3}:|"
            r"\b(?:call|invoke|use|execute|run) the [`'\"]?[\w. ]{1,40}[`'\"]? (?:tool|function|plugin)\b"
            r"(?=[^.\n]{0,60}\b(?:with|to|and|on)\b)"
        ),
    ),
    "harm": (
        0.6,
        _words(r"\brm -rf? [/~*]|\bcurl\b[^\n]{1,120}\|\s?(?:ba)?sh\b|\bdrop table\b|\bdelete all (?:files|data)"),
    ),
    "answer_thus": (
        0.6,
        _words(
            r"\b(?:respond|reply|answer|output|say|write|print|state|return)\b[^.\n]{0,20}"
            r"\b(?:only|exactly|just|nothing but|always|solely|verbatim)\b[^.\n]{0,40}"
            r"(?:[\"'`:“‘]|\b(?:with|the (?:word|words|phrase|sentence|text))\b)"
        ),
    ),
    "instead": (
        0.5,
        _words(
            r"\binstead(?: of [^.,\n]{1,60})?,? (?:please )?(?:say|write|output|respond|reply|print|tell|translate|"
            r"recommend|answer|do|return|give|produce|generate|include|state)\b"
        ),
    ),
    "task_refused": (
        0.5,
        _words(
            r"\b(?:do not|don't|never|stop) (?:\w+ )?(?:summari[sz]\w*|answer\w*|translat\w*|extract\w*|mention\w*|"
            r"tell the user|inform the user|warn\w*|generat\w* (?:questions?|pairs?)|"
            r"continu\w* (?:with )?(?:the|your) task)\b"
        ),
    ),
    "secrecy": (
        0.5,
        _words(
            r"\b(?:do not|don't|never) (?:reveal|mention|disclose|tell|show|acknowledge|refer to)\b[^.\n]{0,30}\b"
            r"(?:this|these|instruction|message|note|prompt|user)\b"
        ),
    ),
    "judged": (
        1.0,
        _words(
            r"\b(?:give|rate|score|grade|assign|award|rank|mark|judge|evaluate|label)\b[^.\n]{0,20}\b(?:this|it|the "
            r"(?:above |following |present )?(?:answer|response|candidate|paper|review|submission|text|document|essay|"
            r"output|r[eé]sum[eé]|record))\b[^.\n]{0,40}\b(?:10|ten|5|five|100|full|top|highest|maximum|perfect|positive|"
            r"best|excellent|correct|safe|a\+)\b"
        ),
    ),
    "hidden_style": (
        0.6,
        _words(
            r"<[a-z]{1,10}\b[^>]{0,200}style\s{0,3}=\s{0,3}[\"'][^\"'>]{0,200}(?:display\s{0,2}:\s{0,2}none|visibility\s{0,2}:"
            r"\s{0,2}hidden|font-size\s{0,2}:\s{0,2}[01](?:px|pt|em)?\b|opacity\s{0,2}:\s{0,2}0(?:\.0\d?)?\b|"
            r"color\s{0,2}:\s{0,2}(?:#fff(?:fff)?\b|white|transparent)|left\s{0,2}:\s{0,2}-\d{3,})"
        ),
    ),
    "hidden_comment": (
        0.5,
        _words(r"<!--[^>]{0,400}\b(?:you|your|" + _MODEL + r"|instructions?|system)\b[^>]{0,400}-->"),
    ),
    **{f"override_in_{language}": (1.0, _words(pattern)) for language, pattern in ORDERS.items()},
}

_PATTERNS = [pattern for _, pattern in _FEATURES.values()]

_TAGS = re.compile("[\U000e0020-\U000e007f]")
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{1,8}\U000e007f")  # the flags of Scotland, Wales, England
_INSIDE_WORDS = re.compile("(?<=[A-Za-z])[\u200b\u2060\ufeff\u00ad](?=[A-Za-z])")
_OVERRIDES = re.compile("[\u202d\u202e]")
_BLOB = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{400,20000}={0,2}(?![A-Za-z0-9+/])")  # that says nothing readable
_HIDDEN = re.compile("[\U000e0020-\U000e007f\u200b\u2060\ufeff\u00ad\u202d\u202e]")  # what the next ones look for


@dataclass(frozen=True, slots=True)
class Injection:
    """How much a text looks like an instruction to its reader, by which features, and where the first stands."""

    score: float
    features: tuple[str, ...]
    start: int | None = None
    end: int | None = None


def as_read(text: str, others: Sequence[Reading]) -> list[Reading]:
    """A text as it stands, and as it may be read besides."""
    return [Reading("as it stands", text, in_place=True), *others]


def injections(texts: Sequence[Sequence[Reading]]) -> list[Injection]:
    """The score of each text by its readings, of which the first is the text itself; for many at once."""
    column = pa.array([reading.text for text in texts for reading in text], pa.string())
    may, found, start = which_match(column, _PATTERNS), [], 0
    for text in texts:
        found.append(_scored(text, may[:, start : start + len(text)]))
        start += len(text)
    return found


def _scored(text: Sequence[Reading], may: np.ndarray) -> Injection:
    found = _hidden(text[0].text)
    places: dict[str, tuple[int, int]] = {}
    names = list(_FEATURES)
    for feature, number in np.argwhere(may).tolist():
        name, reading = names[feature], text[number]
        weight, pattern = _FEATURES[name]
        if hit := next((one for one in pattern.finditer(reading.text) if reading.shows(*one.span())), None):
            is_encoded = reading.how in ENCODED
            found["encoded_instructions" if is_encoded else name] = 1.0 if is_encoded else weight
            if reading.in_place:
                places.setdefault(name, hit.span())
    at: tuple[int | None, int | None] = (None, None)
    if places:
        at = places[max(places, key=lambda name: (_FEATURES[name][0], -places[name][0]))]
    return Injection(round(sum(found.values()), 3), tuple(sorted(found)), *at)


def may_be_injections(texts: pa.Array) -> np.ndarray:
    """For each text whether it may have a feature as it stands; false is certain. Fast, for whole columns."""
    return may_match(texts, [*_PATTERNS, _HIDDEN, _BLOB])


def _hidden(text: str) -> dict[str, float]:
    """Features that people cannot see or read."""
    found: dict[str, float] = {}
    if _TAGS.search(_FLAG.sub("", text)):
        found["tag_characters"] = 1.0
    if len(_INSIDE_WORDS.findall(text)) >= 3:
        found["split_words"] = 0.7
    if _OVERRIDES.search(text):
        found["reversed_text"] = 0.7
    if _BLOB.search(text):
        found["encoded"] = 0.5
    return found

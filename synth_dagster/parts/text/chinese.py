"""Whether a text is Chinese, says no, or repeats another one: by its characters, since Chinese has no blanks."""

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_REFUSAL = re.compile(
    r"^[\s,，。]*(?:很?抱歉|对不起|非常抱歉|作为(?:一个|一名)?(?:人工智能|AI|语言模型)|我(?:无法|不能|没有办法))"
)
RUN = 8  # characters that are a quotation and no chance
_MOSTLY = 0.5


def is_chinese(text: str) -> bool:
    """Whether most letters of a text are Chinese characters."""
    letters = sum(character.isalpha() for character in text)
    return letters > 0 and len(_HAN.findall(text)) >= _MOSTLY * letters


def refuses(text: str) -> bool:
    """Whether an answer begins with an apology or with what its writer is."""
    return bool(_REFUSAL.match(text))


def repeated(text: str, source: str) -> float:
    """Share of the runs of eight characters of a text that stand in its source."""
    plain, theirs = ("".join(character for character in one if character.isalnum()) for one in (text, source))
    runs = [plain[start : start + RUN] for start in range(len(plain) - RUN + 1)]
    known = {theirs[start : start + RUN] for start in range(len(theirs) - RUN + 1)}
    return sum(run in known for run in runs) / len(runs) if runs else float(plain == theirs)

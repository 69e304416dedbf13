"""What in a page's address speaks for a language: codes, names, and domains of countries that write in it."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

# code: ISO 639-3, names as they stand in addresses, and top-level domains
_TABLE = """
    af: afr afrikaans .za          am: amh amharic .et            ar: ara arabic arabi .sa .eg
    bg: bul bulgarian bulgarski .bg bn: ben bengali bangla .bd    bo: bod tibetan
    ca: cat catala catalan .cat    cs: ces czech cesky .cz        cy: cym welsh cymraeg .wales .cymru
    de: deu german deutsch .de .at el: ell greek .gr              en: eng english .uk .us
    es: spa spanish espanol .es .mx et: est estonian eesti .ee    eu: eus basque euskara .eus
    fi: fin finnish suomi .fi      fr: fra french francais .fr    ga: gle irish gaeilge .ie
    haw: haw hawaiian hawaii       he: heb hebrew ivrit .il       hi: hin hindi .in
    hr: hrv croatian hrvatski .hr  hu: hun hungarian magyar .hu   hy: hye armenian hayeren .am
    id: ind indonesian indonesia .id ig: ibo igbo .ng             is: isl icelandic islenska .is
    it: ita italian italiano .it   ja: jpn japanese nihongo .jp   ka: kat georgian kartuli .ge
    kk: kaz kazakh qazaq .kz       km: khm khmer .kh              ko: kor korean hangul .kr
    lo: lao lao .la                lt: lit lithuanian lietuviu .lt mi: mri maori .nz
    my: mya burmese myanmar .mm    nl: nld dutch nederlands .nl   pl: pol polish polski .pl
    pt: por portuguese portugues .pt .br qu: que quechua runasimi .pe ro: ron romanian romana .ro
    ru: rus russian russkij .ru    sk: slk slovak slovensky .sk   sl: slv slovenian slovensko .si
    so: som somali .so             sv: swe swedish svenska .se    sw: swa swahili kiswahili .tz .ke
    ta: tam tamil .lk              th: tha thai .th               tr: tur turkish turkce .tr
    uk: ukr ukrainian ukrainska .ua ur: urd urdu .pk              vi: vie vietnamese tieng-viet .vn
    xh: xho xhosa isixhosa         yo: yor yoruba                 zh: zho chinese zhongwen .cn .tw
    zu: zul zulu isizulu
    """
_WORDS: Mapping[str, Sequence[str]] = {
    lang: words.split() for lang, words in re.findall(r"(\w+): (.*?)(?=\s+\w+: |\s*$)", " ".join(_TABLE.split()))
}


def speaks_for(url: str | None, lang: str) -> bool:
    """Whether an address carries the code of a language, a name of it, or a domain of a country that writes in it."""
    return url is not None and _pattern(lang).search(url.lower()) is not None


@cache
def _pattern(lang: str) -> re.Pattern[str]:
    words = _WORDS.get(lang, [])
    codes = [lang, *words[:1]]
    names = [word for word in words[1:] if not word.startswith(".")]
    domains = [word[1:] for word in words if word.startswith(".")]
    # a code stands alone, as in /fr/, fr.example.org and lang=fr: between hyphens it may be a word of another language
    forms = [rf"(?:^|[/=])(?:{'|'.join(map(re.escape, codes))})(?=[/.?&#]|$)", *map(re.escape, names)]
    # a country's domain ends the host, which ends the address or is followed by a path or a port
    forms += [rf"^(?:[a-z]+://)?[^/?#]*\.{domain}(?=[/:?#]|$)" for domain in domains]
    return re.compile("|".join(forms))

"""Formulas and code of pages survive extraction."""

import pytest

from synth_dagster.parts.text.html_formulas import text_of

PAGE = """<html><body><nav><a href="/">Home</a></nav><article><h1>Roots</h1>
<p>The roots are given by {} as everybody knows who went to school and paid some attention to it.</p>
<p>Another paragraph stands here, so that the page has enough of a text for an extractor to find.</p>
</article></body></html>"""


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<script type="math/tex">\\frac{-b}{2a}</script>', "$\\frac{-b}{2a}$"),
        ('<script type="math/tex; mode=display">\\frac{-b}{2a}</script>', "$$\\frac{-b}{2a}$$"),
        (
            '<math><semantics><mi>a</mi><annotation encoding="application/x-tex">a^2</annotation></semantics></math>',
            "$a^2$",
        ),
        ("<math alttext='x_1'><mi>y</mi></math>", "$x_1$"),
        (
            "<math><mfrac><mi>a</mi><mrow><mi>b</mi><mo>×</mo><mn>2</mn></mrow></mfrac></math>",
            "$\\frac{a}{b\\times 2}$",
        ),
        ("<math><msqrt><msup><mi>a</mi><mn>2</mn></msup></msqrt></math>", "$\\sqrt{a^{2}}$"),
        ('<span class="math-container">$\\sum_i i$</span>', "$\\sum_i i$"),
        ('<span class="katex-source">\\[x^2\\]</span>', "$$x^2$$"),
        ('<img src="https://latex.codecogs.com/gif.latex?\\alpha+1">', "$\\alpha+1$"),
        ('<img src="/latex.php?latex=x%5E2" alt="">', "$x^2$"),
        ('<img src="/cgi-bin/mathtex.cgi?y" alt="y^2">', "$y^2$"),
    ],
)
def test_formulas_of_every_markup_stay(markup, text):
    found, kept = text_of(PAGE.format(markup))
    assert f"given by {text} as everybody" in found and kept.formulas == 1
    assert "Home" not in found


def test_code_keeps_its_lines_and_what_is_no_code_stays_as_it_is():
    code = "<pre><code>def f(x):\n    return x + 1</code></pre>"
    both = f"{code}<pre>a poem\nof two lines</pre></article>"
    found, kept = text_of(PAGE.format("this").replace("</article>", both))
    assert "```\ndef f(x):\n    return x + 1\n```" in found and kept.code == 1
    assert "a poem" in found and "```\na poem" not in found


def test_a_mark_stays_with_the_formula_before_it():
    found, _ = text_of(PAGE.replace("{} as", "{}, as").format('<script type="math/tex">x^2</script>'))
    assert "given by $x^2$, as everybody" in found


def test_a_picture_and_a_span_that_are_no_formula_are_left_alone():
    found, kept = text_of(PAGE.format('<img src="cat.png" alt="a cat"><span class="tex">texture</span>'))
    assert kept.formulas == 0 and "texture" in found


@pytest.mark.parametrize("page", ["", "<html></html>", "<html><body><nav>Home</nav></body></html>"])
def test_a_page_without_text_has_none(page):
    assert text_of(page)[0].strip() in ("", "Home")

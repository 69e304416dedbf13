"""Planted junk among Chinese pages: the score goes with the labels, and buckets are as the paper has them."""

import random

import numpy as np
import pyarrow as pa

from synth_dagster.methods.filter.opencsg_edu import OpencsgEdu
from synth_dagster.parts.models.linear_text import auc
from synth_dagster.runner.models import TrainedModels
from synth_dagster.runner.vectors import NoVectors

LESSONS = (
    "因为{0}的作用，{1}会发生变化。",
    "{0}由{1}和其他部分组成。",
    "例如，我们可以用{0}来说明{1}的原理。",
    "所谓{0}，是指{1}的一种性质。",
)
SUBJECTS = ("细胞", "方程", "河流", "力", "温度", "语法", "朝代", "光线", "概率", "植物", "电流", "气压")
NOTICES = ("点击这里购买{0}，{1}包邮。", "{0}优惠，注册送{1}。", "关注我们，领取{0}和{1}。", "最新{0}，全网{1}。")
WARES = ("手机", "红包", "优惠券", "会员", "面膜", "游戏", "彩票", "耳机", "秒杀", "礼包", "直播", "代购")


def page(points, rng):
    """Ten sentences, twice as many lessons as the page has points."""
    lessons = [rng.choice(LESSONS).format(*rng.sample(SUBJECTS, 2)) for _ in range(2 * points)]
    others = [rng.choice(NOTICES).format(*rng.sample(WARES, 2)) for _ in range(10 - 2 * points)]
    return "".join(rng.sample([*lessons, *others], 10))


def pages(number, seed):
    """Pages and points, 30 % of them junk, which has none."""
    rng = random.Random(seed)
    drawn = [0 if rng.random() < 0.3 else rng.randint(1, 5) for _ in range(number)]
    return [(page(points, rng), points) for points in drawn]


class Judged(TrainedModels):
    """Models of labels that are in memory; a fifth of them is a point off."""

    def __init__(self, number=200):
        super().__init__(None, None)
        rng = random.Random(9)
        self._rows = [
            {"text": text, "label": min(5, max(0, points + rng.choice((-1, 1)))) if rng.random() < 0.2 else points}
            for text, points in pages(number, 0)
        ]

    def rows(self, path):
        return self._rows


def measured(texts, **settings):
    flat = pa.table({"text": pa.array(texts, pa.string())})
    return OpencsgEdu(labels="l", **settings).measure(flat, models=Judged(), vectors=NoVectors())


def spearman(one, other):
    ranks = [np.unique(values, return_inverse=True, return_counts=True) for values in (one, other)]
    means = [(np.cumsum(counts) - (counts - 1) / 2)[places] for _, places, counts in ranks]
    return float(np.corrcoef(*means)[0, 1])


def test_the_score_goes_with_the_labels_and_junk_is_told():
    asked = pages(300, 1)
    score = measured([text for text, _ in asked])["score"].to_numpy()
    points = np.array([points for _, points in asked])
    assert spearman(score, points) > 0.7
    assert auc(-score, points == 0) > 0.9
    assert 0.2 < np.mean(points == 0) < 0.4


def test_buckets_are_those_of_the_paper_and_not_exchanged(verdicts_of):
    asked = [text for text, _ in pages(200, 2)]
    found = measured(asked)
    for score, bucket in zip(found["score"].to_pylist(), found["bucket"].to_pylist(), strict=True):
        assert bucket == ("4+" if score >= 0.8 else "3+" if score >= 0.6 else "")
    assert set(found["bucket"].to_pylist()) == {"", "3+", "4+"}
    kept = verdicts_of(OpencsgEdu(labels="l"), asked, {"models": Judged()})
    assert [reason is None for reason in kept] == [score >= 0.6 for score in found["score"].to_pylist()]


def test_only_the_beginning_of_a_page_is_read():
    lesson, junk = page(5, random.Random(3)), page(0, random.Random(4))
    one, other = measured([lesson, lesson + junk * 50], characters=len(lesson))["score"].to_pylist()
    assert one == other

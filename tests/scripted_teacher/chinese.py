"""A model and a judge that write Chinese: texts of six styles, requests, answers, scores and tags; some are spoilt."""

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

THINGS = ("茶叶", "石桥", "水稻", "风筝", "陶器", "灯塔", "竹子", "雨水", "算盘", "星空")
ENDS = ("需要耐心和时间", "是人们多年积累的经验", "可以在家里慢慢练习", "让人明白一个简单的道理", "和天气有很大的关系")
SPOILT = {
    "refused": "抱歉,我无法完成这个请求,因为我只是一个程序。",
    "other_language": "The tea needs patience and time, and the water must not be too hot for the leaves.",
}


class ChineseWorld:
    """`spoilt` is the share of texts and answers that refuse, and again of those in English; `unclear` of requests."""

    def __init__(self, *, spoilt: float = 0.0, unclear: float = 0.0) -> None:
        self.spoilt, self.unclear = spoilt, unclear

    def answer(self, request: Request) -> dict[str, object] | str | None:
        if "score" in request.fields:
            return {"score": 1 if "什么那个" in request.user else 4}
        if "difficulty" in request.fields:
            return {"task": "information_seeking", "difficulty": "easy"}
        if request.tag("assistant"):
            return self._request(request.key)
        return self._text(request)

    def _request(self, key: bytes) -> str:
        thing = THINGS[int(share(key, "thing") * len(THINGS))]
        if share(key, "unclear") < self.unclear:
            return f"{thing}什么那个怎么这样呢然后还有"
        return f"请告诉我{thing}是怎样做出来的，第{int(share(key, 'number') * 900)}步要注意什么？"

    def _text(self, request: Request) -> str:
        draw = share(request.key, "spoilt")
        if draw < 2 * self.spoilt:
            return SPOILT["refused" if draw < self.spoilt else "other_language"]
        said = [
            THINGS[int(share(request.key, f"thing {n}") * len(THINGS))]
            + ENDS[int(share(request.key, f"end {n}") * len(ENDS))]
            for n in range(6)
        ]
        return "。".join(said) + "。"

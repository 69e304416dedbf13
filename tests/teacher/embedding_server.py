"""An endpoint on loopback whose model knows the synonyms of a world."""

from collections import Counter

from aiohttp import web

from tests.scripted_teacher import synonyms
from tests.teacher.faulty import FaultServer, _failed


class EmbeddingServer(FaultServer):
    """`length` is how many numbers its vectors have; `texts` counts what it answered, by model and text."""

    def __init__(self) -> None:
        super().__init__()
        self.length = synonyms.LENGTH
        self.texts: Counter[tuple[str, str]] = Counter()

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body, say = await self._take(request)
        if say.status == 200:
            self.texts.update((body["model"], text) for text in body["input"])
        rows = [
            {"index": place, "embedding": synonyms.vector(text, self.length)}
            for place, text in enumerate(body["input"])
        ]
        tokens = sum(len(text.split()) for text in body["input"])
        return _failed(request, say) or web.json_response(
            {"data": rows, "model": body["model"], "usage": {"prompt_tokens": tokens}}
        )

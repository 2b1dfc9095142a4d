"""`cllm-gen bench serve`: what a client reads of a stream, what counts, what the tables say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cllm_gen.bench.contest import OURS
from cllm_gen.bench.serve import loads, report
from cllm_gen.bench.serve.exchange import Exchange, ask, body
from cllm_gen.bench.serve.figures import Closed, Figures, Mixed, Open
from cllm_gen.bench.serve.prompts import Prompts
from cllm_gen.bench.serve.quantiles import Quantiles
from cllm_gen.bench.serve.serve import Settings
from cllm_gen.bench.serve.sheets import sheets

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = [
    {"choices": [{"text": ""}]},
    {"choices": [{"text": "One"}]},
    {"choices": [{"text": " tw\r\no"}], "usage": None},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
]


def event(content) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return f"data: {text}\n\n"


def chunk(text: str) -> str:
    return f"{len(text):x}\r\n{text}\r\n"


def stream(framed: bool) -> bytes:
    head = HEAD if framed else HEAD.replace("Transfer-Encoding: chunked\r\n", "")
    frame = chunk if framed else str
    texts = [frame(event(each)) for each in EVENTS] + [frame(event("[DONE]"))]
    return (head + "".join(texts) + ("0\r\n\r\n" if framed else "")).encode()


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_a_stream_is_read_at_every_size_of_pieces(framed, size):
    raw = stream(framed)
    pieces = [(float(at), raw[at : at + size]) for at in range(0, len(raw), size)]
    got = Exchange(-1.0, pieces, ended=1e6)
    assert got.status == 200 and got.complete and not got.refusal
    assert got.text == "One tw\r\no" and got.answered == 4 and len(got.events) == len(EVENTS)
    assert len(got.token_times) == 2
    if size == 1:  # an event is there with its last byte
        ends = [raw.index(word) + len(word) for word in (b'"One"}]}\n\n', b'"usage": null}\n\n')]
        assert [moment + 1 for moment in got.token_times] == ends
        assert got.first_s == got.token_times[0] + 1
        assert got.gaps == [got.token_times[1] - got.token_times[0]]


@pytest.mark.parametrize(
    "pieces, refusal",
    [
        ([], "closed without an answer"),
        ([b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}"], "503"),
        ([HEAD.encode(), chunk(event(EVENTS[1])).encode()], "the stream was cut"),
    ],
)
def test_what_is_no_answer_is_told(pieces, refusal):
    got = Exchange(0.0, [(1.0, piece) for piece in pieces], ended=2.0)
    assert got.refusal == refusal and not got.complete


def test_quantiles_are_of_nearest_rank():
    found = Quantiles.of(range(1, 1001))
    assert found == Quantiles(1000, 500, 900, 990, 999) and found.jitter == 499
    assert Quantiles.of([7.0]) == Quantiles(1, 7.0, 7.0, 7.0, 7.0)
    assert Quantiles.of([]) is None


def test_prompts_are_repeatable_and_all_different():
    one, again, other = Prompts(5), Prompts(5), Prompts(6)
    texts = [one.draw(100) for _ in range(50)]
    assert texts == [again.draw(100) for _ in range(50)] and texts[0] != other.draw(100)
    assert {len(text.split()) for text in texts} == {100}
    assert len({tuple(text.split()[:4]) for text in texts}) == 50


class Fake:
    """A server that answers each request with `tokens` pieces of text, but for every `refused`th."""

    def __init__(self, tokens: int, refused: int = 0, pause: float = 0.0):
        self.tokens, self.refused, self.pause = tokens, refused, pause
        self.asked: list[dict] = []

    async def __call__(self, reader, writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        self.asked.append(json.loads(await reader.readexactly(length)))
        if self.refused and len(self.asked) % self.refused == 0:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(HEAD.encode())
            for _ in range(self.tokens):
                await asyncio.sleep(self.pause)
                writer.write(chunk(event({"choices": [{"text": "x"}]})).encode())
            usage = {"prompt_tokens": 9, "completion_tokens": self.tokens}
            writer.write((chunk(event({"choices": [], "usage": usage})) + "0\r\n\r\n").encode())
        writer.close()


def against(fake: Fake, load):
    """What `load`, given the port, yields."""

    async def both():
        server = await asyncio.start_server(fake, "127.0.0.1", 0)
        try:
            return await load(server.sockets[0].getsockname()[1])
        finally:
            server.close()

    return asyncio.run(both())


@pytest.fixture
def no_warm_up(monkeypatch):
    monkeypatch.setattr(loads, "WARM_S", 0.0)


def test_a_closed_loop_has_as_many_requests_under_way_as_clients(no_warm_up):
    fake = Fake(5, pause=0.002)
    load = against(fake, lambda port: loads.closed(port, 3, 0.3, Prompts(1)))
    found = Closed.of(3, load)
    assert found.requests == len(load.answers) == len(fake.asked) >= 3 and not found.refused
    assert found.prompt_tokens == 9 and 0 < found.rate < 5.01 * len(fake.asked) / 0.3
    assert found.latencies.between.count == 4 * found.requests
    assert all(each["stream"] and each["ignore_eos"] for each in fake.asked)
    assert len({each["prompt"] for each in fake.asked}) == len(fake.asked)
    begun = sorted(each.begun for each in load.exchanges)
    assert begun[2] < min(each.ended for each in load.exchanges), "three began together"


def test_refusals_are_counted_and_not_timed(no_warm_up):
    load = against(Fake(2, refused=2), lambda port: loads.closed(port, 2, 0.3, Prompts(1)))
    found = Closed.of(2, load)
    assert found.refused == {"503": len(load.counted) - found.requests} and found.refused["503"]
    assert found.latencies.whole.count == found.requests


def test_arrivals_do_not_wait_for_answers():
    fake = Fake(1, pause=0.5)
    load = against(fake, lambda port: loads.arriving(port, 60, 0.4, Prompts(1), seed=3))
    found = Open.of(60, load)
    assert found.arrived == len(fake.asked) > 10 and found.finished == 0
    assert found.saturated and found.busy[1] == found.arrived
    quick = against(Fake(1), lambda port: loads.arriving(port, 60, 0.4, Prompts(1), seed=3))
    assert not Open.of(60, quick).refused and len(quick.exchanges) == found.arrived


def test_a_client_leaves_when_its_time_is_up():
    got = against(Fake(9, pause=0.2), lambda port: ask(port, body("x", 9), within=0.3))
    assert got.left and not got.complete and not got.refusal and len(got.token_times) < 9


def test_short_chats_are_measured_alone_and_beside_long_prompts(no_warm_up):
    fake = Fake(2)
    found = Mixed.of(*against(fake, lambda port: loads.chats(port, 0.2, Prompts(1), 900)))
    lengths = {len(each["prompt"].split()) for each in fake.asked}
    assert lengths == {loads.CHAT_WORDS, 900} and found.long_requests
    assert found.quiet.between and found.stretch >= 1


def test_a_second_turn_goes_on_from_the_first():
    fake = Fake(3)
    first, second = against(fake, lambda port: loads.turns(port, 2, Prompts(1), 50))
    assert len(first) == len(second) == 2
    for one, two in zip(fake.asked[::2], fake.asked[1::2]):
        assert two["prompt"].startswith(one["prompt"] + "xxx ") and two["cache_prompt"]


def figures(name: str, rate: float) -> Figures:
    times = Quantiles(9, 0.01, 0.02, 0.3, 0.4)
    latencies = loads_latencies(times)
    return Figures(
        name,
        f"{name} q4_0",
        closed=[Closed(4, rate, 9, 100.0, latencies, {"503": 2}, 0.1)],
        open=[Open(0.5, 10, 9, rate, latencies, {}, (1, 9), True)],
        mixed=Mixed(latencies, latencies, 50.0, times, 3, {}),
        first_turn=2.0,
        second_turn=0.1,
        resident=3 * 2**20,
    )


def loads_latencies(times: Quantiles):
    from cllm_gen.bench.serve.figures import Latencies

    return Latencies(times, times, times)


def test_tables_are_the_same_on_the_console_and_in_markdown(tmp_path):
    every = [figures(OURS, 200.0), figures("llama-server", 100.0)]
    page = "\n".join(sheet.markdown() for sheet in sheets(every))
    assert "| llama-server q4_0 | 4 | 100.0 | 2.00 | 10.0 | 20.0 | 300 | 400 | 9 |" in page
    assert "| cllm q4_0 | 4 | 10.0 | 20.0 | 300 | 400 | 390 |" in page, "jitter"
    assert "2 × 503" in page and "saturated" in page and "| 30.0 |" in page and "0.050" in page
    for sheet in sheets(every):
        assert sheet.rich().row_count == len(sheet.rows) == 2
        assert all(len(row) == len(sheet.headings) for row in sheet.rows)
    path = tmp_path / "x.json"
    report.write(path, "x", every, Settings())
    assert json.loads(path.read_text())["servers"][0]["closed"][0]["rate"] == 200.0
    assert path.with_suffix(".md").read_text().startswith("# x, served")


def test_nothing_measured_makes_no_empty_table():
    assert [sheet.title for sheet in sheets([Figures(OURS, OURS)])] == [
        "Turns, start, memory, health"
    ]


def test_the_peers_file_needs_nothing_of_this_project():
    for name in ("openvino_server.py", "chart.py"):
        source = Path(loads.__file__).with_name(name).read_text()
        assert "cllm_gen" not in source

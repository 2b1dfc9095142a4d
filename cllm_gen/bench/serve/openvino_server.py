"""OpenVINO's continuous batching pipeline behind HTTP: `python openvino_server.py PORT MODEL.gguf THREADS`.

OpenVINO GenAI has no server of its own. This one is as thin as one can be, so that what clients see is
the pipeline: one thread steps it, the main thread reads requests and writes what the steps made, token
by token. It knows GET /health and what exchange.py sends to POST /v1/completions. Runs in the peers'
environment and imports nothing of this project.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from dataclasses import dataclass

import openvino_genai

CACHE_GB = 1


@dataclass
class Stream:
    """One answer under way: its handle in the pipeline, and where the tokens go."""

    handle: openvino_genai.GenerationHandle
    queue: asyncio.Queue

    def forward(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Passes on what the last step made; whether more will come."""
        ended = self.handle.get_status() != openvino_genai.GenerationStatus.RUNNING
        ids: list[int] = []
        while self.handle.can_read():
            for output in self.handle.read().values():
                ids += output.generated_ids
        if ids or ended:
            loop.call_soon_threadsafe(self.queue.put_nowait, (ids, ended))
        return not ended


class Server:
    """The pipeline and the streams that it makes."""

    def __init__(self, path: str, threads: int):
        scheduling = openvino_genai.SchedulerConfig()
        scheduling.cache_size = CACHE_GB
        scheduling.enable_prefix_caching = True
        self.pipeline = openvino_genai.ContinuousBatchingPipeline(
            path, scheduling, "CPU", {"INFERENCE_NUM_THREADS": threads}
        )
        self.tokenizer = self.pipeline.get_tokenizer()
        self.streams: list[Stream] = []
        self.asked = 0
        self.work = threading.Condition()

    def step_for_ever(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            with self.work:
                while not self.streams:
                    self.work.wait()
            self.pipeline.step()
            with self.work:
                self.streams = [each for each in self.streams if each.forward(loop)]

    def submit(self, request: dict) -> tuple[Stream, int]:
        """The stream, and how many tokens its prompt has."""
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens, config.do_sample = request["max_tokens"], False
        config.ignore_eos = True
        ids = self.tokenizer.encode(request["prompt"]).input_ids
        self.asked += 1
        handle = self.pipeline.add_request(self.asked, ids, config)
        stream = Stream(handle, asyncio.Queue())
        with self.work:
            self.streams.append(stream)
            self.work.notify()
        return stream, ids.shape[1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
            if head.startswith(b"GET "):
                writer.write(b"\r\n{}")
            else:
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                request = json.loads(await reader.readexactly(length))
                writer.write(b"Content-Type: text/event-stream\r\n\r\n")
                await self._answer(request, writer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, request: dict, writer: asyncio.StreamWriter) -> None:
        """One event for each token, then the counts."""
        stream, prompt_tokens = self.submit(request)
        answered, ended = 0, False
        try:
            while not ended:
                ids, ended = await stream.queue.get()
                answered += len(ids)
                for token in ids:
                    _event(writer, {"choices": [{"text": self.tokenizer.decode([token])}]})
                await writer.drain()
        except ConnectionError:
            stream.handle.cancel()
            raise
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": answered}
        _event(writer, {"choices": [], "usage": usage})
        writer.write(b"data: [DONE]\n\n")


def _event(writer: asyncio.StreamWriter, content: dict) -> None:
    writer.write(b"data: " + json.dumps(content).encode() + b"\n\n")


async def main(port: str, path: str, threads: str) -> None:
    server = Server(path, int(threads))
    stepping = threading.Thread(
        target=server.step_for_ever, args=(asyncio.get_running_loop(),), daemon=True
    )
    stepping.start()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", int(port), backlog=256)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

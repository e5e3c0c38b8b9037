"""Serving: 256 texts through the inference handler, against the AWS walk-through's own way, and small requests that come
together to the local endpoint, against the same callers waiting in line so that one request is answered at a time.

The walk-through's handler takes one text a call, pads it to 512 tokens, pools by the mean and normalises; it answers only
the first text of a list, so 256 texts are 256 calls.
"""

import contextlib
import http.client
import json
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.result import Result, paired

TARGET, TURNS = 10.0, 3
TEXTS = 256
#: Of the walk-through's 256 calls so many are measured in each turn: each takes as long as any other.
SAMPLE = 8
REQUESTS, CALLERS = 48, 8


def handler(pairs: Path) -> Result:
    """A batch through our handler and calls of the walk-through's in turn; the median of the ratios of times a text."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from core.endpoints.handler import inference
    from core.models import BASE_MODEL, resolve
    from core.workspace import Workspace

    texts = _texts(pairs, TEXTS)
    with tempfile.TemporaryDirectory() as place:
        folder = resolve(BASE_MODEL, Workspace.at(place)).path
        ours = inference.model_fn(str(folder))
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    def walkthrough(text: str) -> list[float]:
        tokens = tokenizer(text, padding="max_length", truncation=True, max_length=512, return_tensors="pt")
        with torch.no_grad():
            found = model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).float()
        pooled = (found * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, p=2, dim=1)[0].tolist()

    def batch() -> list[list[float]]:
        body = json.dumps({"inputs": texts})
        return json.loads(inference.output_fn(inference.predict_fn(inference.input_fn(body), ours)))["vectors"]

    walkthrough(texts[0]), batch()  # both are warm
    times = []
    for _ in range(TURNS):
        theirs = _seconds(lambda: [walkthrough(text) for text in texts[:SAMPLE]]) / SAMPLE
        times.append((theirs, _seconds(batch) / TEXTS))
    ratio, spread = paired(*zip(*times, strict=True))
    theirs, mine = (1 / statistics.median(found) for found in zip(*times, strict=True))
    return Result(
        "serving a batch", ratio, TARGET, ratio >= TARGET,
        f"the walk-through's handler, one text a call: {theirs:.1f} texts/s ({SAMPLE} of {TEXTS} calls), ours {mine:.0f}",
        spread,
    )


def endpoint(pairs: Path) -> Result:
    """One-text requests by several callers at once, which the endpoint answers together, and by the same callers in line."""
    from core.endpoints.host import DeploySpec
    from core.endpoints.local import LocalHost
    from core.models import BASE_MODEL, resolve
    from core.workspace import Workspace

    texts = _texts(pairs, REQUESTS)
    with tempfile.TemporaryDirectory() as place:
        workspace = Workspace.at(place)
        host = LocalHost(workspace)
        served = host.deploy(resolve(BASE_MODEL, workspace), DeploySpec("here", 1.0), lambda _: None)
        try:
            port, token = _address(workspace, served.name), host.token(served.name)
            _ask_all(port, token, texts, False)
            turns = [(_ask_all(port, token, texts, False), _ask_all(port, token, texts, True)) for _ in range(TURNS)]
        finally:
            host.delete(served.name)
    ratio, spread = paired(*([REQUESTS / wall for wall, _ in side] for side in zip(*turns, strict=True)))
    together, alone = (sorted(one for _, waits in side for one in waits) for side in zip(*turns, strict=True))
    late = [waits[int(0.95 * len(waits))] * 1000 for waits in (together, alone)]
    return Result(
        "requests that come together", ratio, 1.0, ratio >= 1,
        f"the same {CALLERS} callers one by one: p95 {late[1]:.0f} ms a request; together {late[0]:.0f} ms, at {ratio:.1f} x"
        " the requests a second",
        spread,
    )


def _address(workspace, name: str) -> int:
    from core.endpoints.folder import find_endpoint

    return find_endpoint(workspace, name).port()


def _ask_all(port: int, token: str, texts: list[str], in_line: bool) -> tuple[float, list[float]]:
    """Seconds for one request a text by ``CALLERS`` at once, and the seconds of each; ``in_line``: one at a time."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    turn = threading.Lock() if in_line else contextlib.nullcontext()

    def ask(text: str) -> float:
        start = time.perf_counter()
        with turn:
            request(text)
        return time.perf_counter() - start

    def request(text: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/invocations", json.dumps({"inputs": text}), headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"The endpoint answered with {answer.status}.")

    start = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        waits = list(pool.map(ask, texts))
    return time.perf_counter() - start, waits


def _texts(pairs: Path, number: int) -> list[str]:
    """So many texts of a file, both sides in turn, from the start again where there are fewer."""
    from core.pairs.columns import guess_columns, to_pairs
    from core.pairs.read import read_table

    table = read_table(pairs)
    rows = to_pairs(table, pairs.name, guess_columns(table)).frame
    texts = [text for pair in zip(rows["anchor"], rows["positive"], strict=True) for text in pair]
    return (texts * (number // len(texts) + 1))[:number]


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

"""What one tick of the live Train page costs the server while a run of 100,000 step events goes on, with 3 viewers.

Through the real app: each round the run gains an event and each viewer's page asks, as its timer does, what is new.
Counted is the server's processor time a tick (its background threads included) and the bytes of an answer.

"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from benchmarks.result import Result

ROOT = Path(__file__).resolve().parents[1]
#: Milliseconds of server time and bytes that a tick may cost.
MOST_MS, MOST_BYTES = 20.0, 20_000
STEPS, VIEWERS, ROUNDS, WARM = 100_000, 3, 30, 3
RUN = "long-run-1"


def write_run(runs: Path, steps: int = STEPS) -> Path:
    """The folder of a run that is at work (in the name of this process) and has written so many step events."""
    from core.process import name_process

    folder = runs / RUN
    folder.mkdir(parents=True)
    recipe = {"id": RUN, "name": "long run", "created": time.time(), "source": {"name": "pairs.csv"}, "recipe": {}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    me = name_process(os.getpid())
    (folder / "launched.json").write_text(json.dumps({**me, "starts": 0}))
    first = [
        {"t": 0, "kind": "start", **me, "step": 0}, {"t": 0, "kind": "plan", "steps": 2 * steps},
        {"t": 0, "kind": "held_out", "step": 0, "base": True, "best": False, "ndcg@10": 0.7, "mrr@10": 0.65},
    ]
    with (folder / "events.jsonl").open("w") as events:
        events.writelines(json.dumps(event) + "\n" for event in first)
        for step in range(1, steps + 1):
            events.write(step_line(step))
            if step % 500 == 0:
                better = {"ndcg@10": 0.7 + step / 10 / steps, "mrr@10": 0.65 + step / 10 / steps}
                check = {"t": 0, "kind": "held_out", "step": step, "base": False, "best": True, **better}
                events.write(json.dumps(check) + "\n")
    (folder / "log.txt").write_bytes((folder / "events.jsonl").read_bytes()[-100_000:])
    return folder


def step_line(step: int) -> str:
    """The event line of one step, as long as a worker's."""
    noise = (step * 2654435761 % 2**32) / 2**32  # the same in every run
    return json.dumps({
        "t": 1.0 * step, "kind": "step", "step": step, "steps": 2 * STEPS, "pass": round(step / 500, 4),
        "loss": 2.0 / (1 + step / 5000) + noise / 5, "learning_rate": 5e-5 * (1 - step / 2 / STEPS),
        "tokens_per_second": 9876.5, "seconds_left": 1234.5, "memory": 1_600_000_000,
    }) + "\n"


def measure() -> Result:
    """The median of the rounds. The target is a limit, not a peer's figure: the ratio is the share of it that is used."""
    with tempfile.TemporaryDirectory() as workspace:
        folder = write_run(Path(workspace) / "runs")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "workbench", "--no-browser", "--workspace", workspace, "--port", str(port)]
        app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            milliseconds, sizes = watch(folder, port, psutil.Process(app.pid))
        finally:
            app.terminate()
            app.wait()
    worst = max(milliseconds / MOST_MS, max(sizes) / MOST_BYTES)
    return Result(
        "tick of the live page", worst, 1.0, worst <= 1,
        f"at most {MOST_MS:.0f} ms and {MOST_BYTES / 1000:.0f} kB: {milliseconds:.1f} ms of processor time and at most"
        f" {max(sizes) / 1000:.1f} kB a tick, {STEPS:,} steps, {VIEWERS} viewers",
    )


def watch(folder: Path, port: int, app: psutil.Process) -> tuple[float, list[int]]:
    """Processor milliseconds a tick over all rounds, and the bytes of each answer."""
    number, inputs = _timer(port)
    sizes, started = [], 0.0
    for turn in range(WARM + ROUNDS):
        if turn == WARM:
            started = sum(app.cpu_times()[:2])
        with (folder / "events.jsonl").open("a") as events:
            events.write(step_line(STEPS + 1 + turn))
        for viewer in range(VIEWERS):
            answer = _post(port, {
                "data": ["", RUN, *[None] * (inputs - 2)], "fn_index": number, "session_hash": f"viewer{viewer}",
            })
            if turn >= WARM:
                sizes.append(len(answer))
    return (sum(app.cpu_times()[:2]) - started) * 1000 / (ROUNDS * VIEWERS), sizes


def _timer(port: int) -> tuple[int, int]:
    """Number of the event that looks for news of the run in front, and how many inputs it has."""
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=30) as answer:
                page = json.load(answer)
            break
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    kinds = {one["id"]: one for one in page["components"]}
    loss = next(number for number, one in kinds.items() if one["props"].get("elem_id") == "loss")
    return next(
        (one["id"], len(one["inputs"])) for one in page["dependencies"]
        if loss in one["outputs"] and any(event == "tick" for _, event in one["targets"])
    )


def _post(port: int, body: dict) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/gradio_api/run/predict", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def profile(ticks: int = 5) -> None:
    """Print where ``ticks`` ticks of one viewer spend their time."""
    import cProfile
    import pstats

    from core.endpoints.hosts import Hosts
    from core.runs.trainers import Trainers
    from core.workspace import Workspace
    from workbench.app import build_page
    from workbench.aws import AwsRoom
    from workbench.deployments import Deployments

    with tempfile.TemporaryDirectory() as place:
        workspace = Workspace.at(place)
        folder = write_run(workspace.runs)
        room = AwsRoom(workspace)
        host = Hosts(workspace, room.account_to_look_at)
        page = build_page(workspace, Trainers(workspace, room.account), Deployments(workspace, host), room)
        poll = next(one.fn for one in page.fns.values() if one.fn and one.fn.__name__ == "poll")
        poll("", RUN, [], [], False)  # the first look reads the whole run
        watched = cProfile.Profile()
        for turn in range(ticks):
            with (folder / "events.jsonl").open("a") as events:
                events.write(step_line(STEPS + 1 + turn))
            watched.runcall(poll, "", RUN, [], [], False)
    pstats.Stats(watched).strip_dirs().sort_stats("cumulative").print_stats(25)


if __name__ == "__main__":
    profile() if "profile" in sys.argv else print(measure())

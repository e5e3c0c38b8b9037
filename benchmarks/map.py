"""How soon the map is on the screen once the vectors are there, and how smoothly it moves, in a real browser.

Targets: 10,000 texts within 2 s, 100,000 (of which the map shows a sample, and says so) within 5 s; and a movement of
10,000 texts with at least half the frames of the same page at rest. Beside both stands what plotly.js takes for the same
chart with nothing of ours around it, in the same browser and in turn.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from benchmarks.map_page import SIZES
from benchmarks.result import Result

ROOT = Path(__file__).resolve().parents[1]
PORT = 8790
#: Seconds that each size may take.
ALLOWED = dict(zip(SIZES, (2.0, 5.0), strict=True))
REPEATS = 3
#: Frames a second of the moving map, against the same page at rest. Half of 60 looks smooth.
SMOOTH = 0.5
#: The share of the machine that others may use, in percent, and how many seconds to wait until they use no more.
_QUIET, _PATIENCE = 20, 60
_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--enable-unsafe-swiftshader"]

#: Milliseconds from the click to the chart being there and to the frame with all points.
_DRAW = """async ([button, points]) => {
  const host = document.querySelector('#map .plotly-view'), lib = window.__workbenchPlotly || window.Plotly;
  const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  if (host.data) await lib.react(host, [], {});
  await frame();
  const react = lib.react, start = performance.now();
  const drawn = new Promise(done => {
    lib.react = (...given) => {
      const there = performance.now() - start, node = react(...given);
      node.then(() => done(there));
      return node;
    };
  });
  document.querySelector(button).click();
  const there = await drawn;
  lib.react = react;
  const of = host.data.filter(one => one.meta?.from).reduce((sum, one) => sum + one.x.length, 0);
  if (of !== points || !host.querySelector('.gl-canvas')) throw new Error(`${of} points were drawn`);
  await frame();
  return [there, performance.now() - start];
}"""
#: Milliseconds from the same chart's JSON to the frame, by plotly.js alone.
_BARE = """async () => {
  const host = document.querySelector('#map .plotly-view'), lib = window.__workbenchPlotly;
  const bare = document.body.appendChild(document.createElement('div')), text = JSON.stringify([host.data, host.layout]);
  bare.style.width = host.clientWidth + 'px';
  const start = performance.now(), [data, layout] = JSON.parse(text);
  await lib.newPlot(bare, data, layout);
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const alone = performance.now() - start;
  lib.purge(bare);
  bare.remove();
  return alone;
}"""
#: The gaps between frames, in milliseconds, over 1.8 s: of the page at rest (""), of the map that a button moves, or of the
#: same chart moved by Plotly alone, which is asked for a new frame as soon as it has drawn the last.
_FRAMES = """async how => {
  const host = document.querySelector('#map .plotly-view'), lib = window.__workbenchPlotly, gaps = [];
  const moving = host.data.flatMap((one, index) => one.meta?.from ? [{index, from: one.meta.from, to: [one.x, one.y]}] : []);
  const mix = (one, axis, share) => one.from[axis].map((value, at) => value + (one.to[axis][at] - value) * share);
  if (how.startsWith('#')) document.querySelector(how).click();
  const start = performance.now();
  for (let last = start; last < start + 1800;) {
    const share = (last - start) / 1800;
    if (how === 'bare') {
      const places = axis => moving.map(one => mix(one, axis, share));
      await lib.restyle(host, {x: places(0), y: places(1)}, moving.map(one => one.index));
    }
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  const ends = axis => moving.map(one => one.to[axis]);
  if (how === 'bare') await lib.restyle(host, {x: ends(0), y: ends(1)}, moving.map(one => one.index));
  return gaps;
}"""


def measure() -> list[Result]:
    """A line for each size and one for the movement; not measured where no browser is installed."""
    try:
        return _measured()
    except ImportError:
        missing = "Playwright and a browser are needed: pip install -r tests/requirements.txt"
        names = [*((f"map of {size:,}", 1.0) for size in SIZES), ("map that moves", SMOOTH)]
        return [Result(name, None, target, None, missing) for name, target in names]


def _measured() -> list[Result]:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import browser_path

    page_of_map = subprocess.Popen([sys.executable, "-m", "benchmarks.map_page", str(PORT)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{PORT}/", page_of_map)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=_FLAGS)
            page = browser.new_page(viewport={"width": 1240, "height": 900})
            page.set_default_timeout(300_000)
            page.goto(f"http://127.0.0.1:{PORT}/")
            page.locator("#draw-10000").wait_for()
            busy = _quiet()
            results = [_drawn(page, size, busy) for size in SIZES]
            results.append(_moved(page, busy))
            browser.close()
        return results
    finally:
        page_of_map.terminate()
        page_of_map.wait()


def _drawn(page, size: int, busy: str) -> Result:
    with page.expect_response(lambda answer: "/gradio_api/" in answer.url and answer.request.method == "POST"):
        page.locator(f"#make-{size}").click()
    there, shown, alone, work = [], [], [], []
    for _ in range(REPEATS + 1):
        before = _worked()
        first, last = page.evaluate(_DRAW, [f"#draw-{size}", min(SIZES[0], size)])
        work.append(_worked() - before)
        there.append(first / 1000)
        shown.append(last / 1000)
        alone.append(page.evaluate(_BARE) / 1000)
    arrived, seconds, plotly, processor = (statistics.median(one[1:]) for one in (there, shown, alone, work))  # the first warms up
    allowed = ALLOWED[size]
    ratios = [one / allowed for one in shown[1:]]
    ratio = statistics.median(ratios)
    sampled = f", a sample of {SIZES[0]:,}" if size > SIZES[0] else ""
    return Result(
        f"map of {size:,}", ratio, 1.0, ratio <= 1.0,
        f"the {allowed:.0f} s it may take: {seconds:.1f} s from the vectors to the screen{sampled}, of which {arrived:.1f} s until "
        f"the chart is there and {seconds - arrived:.1f} s to draw it (plotly.js alone {plotly:.1f} s); "
        f"{processor:.1f} s of processor time on all cores; {busy}",
        (min(ratios), max(ratios)),
    )


def _moved(page, busy: str) -> Result:
    """Frames a second while the points move, against the page at rest, in turn, with Plotly's own beside it."""
    rates: dict[str, list[float]] = {"": [], "#map .play": [], "bare": []}
    longest = {name: 0.0 for name in rates}
    for _ in range(REPEATS):
        for name, seen in rates.items():
            gaps = page.evaluate(_FRAMES, name)
            seen.append(1000 * len(gaps) / sum(gaps))
            longest[name] = max(longest[name], *gaps)
            page.wait_for_timeout(1500)
    ratios = [one / other for one, other in zip(rates["#map .play"], rates[""], strict=True)]
    ratio = statistics.median(ratios)
    rest, ours, alone = (statistics.median(seen) for seen in rates.values())
    return Result(
        "map that moves", ratio, SMOOTH, ratio >= SMOOTH,
        f"the page at rest: {rest:.0f} frames a second; moving {SIZES[0]:,} texts {ours:.0f}, longest frame "
        f"{longest['#map .play']:.0f} ms (plotly.js alone {alone:.1f}, {longest['bare']:.0f} ms), without a graphics card; {busy}",
        (min(ratios), max(ratios)),
    )


def _quiet() -> str:
    """Wait until others leave the machine alone, for a minute at most, and say what they take."""
    import psutil

    deadline = time.monotonic() + _PATIENCE
    while (busy := psutil.cpu_percent(interval=2)) > _QUIET and time.monotonic() < deadline:
        pass
    return f"before it began others took {busy:.0f} % of the machine, load {os.getloadavg()[0]:.0f}"


def _worked() -> float:
    """Seconds of processor time that the page's server and the browser have taken so far."""
    import psutil

    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _wait_for(address: str, process: subprocess.Popen) -> None:
    start = time.perf_counter()
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.perf_counter() - start > 180:
                raise RuntimeError(f"The page of the map did not answer at {address}") from None
            time.sleep(0.1)


if __name__ == "__main__":
    for result in measure():
        print(f"{result.name}: {result.ratio} of {result.target}; {result.against}; {result.spread}")

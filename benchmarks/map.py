"""How soon the map is on the screen once the vectors are there, and how smoothly it moves, in a real browser.

Targets: 10,000 texts within 2 s, 100,000 (of which the map shows a sample, and says so) within 5 s.
"""

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
_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--enable-unsafe-swiftshader"]

#: Milliseconds from the click to the first frame that shows the new chart.
_DRAW = """async ([button, points]) => {
  const host = document.querySelector('#map .plotly-view');
  if (host.data) window.__workbenchPlotly.react(host, [], {});
  const start = performance.now();
  document.querySelector(button).click();
  const there = () => (host.data || []).filter(one => one.meta?.from).reduce((sum, one) => sum + one.x.length, 0);
  while (there() !== points || !host.querySelector('.gl-canvas')) await new Promise(done => setTimeout(done, 10));
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - start;
}"""
#: The gaps between frames, in milliseconds, while the map moves once ("" for at rest).
_FRAMES = """async (button) => {
  const gaps = [];
  if (button) document.querySelector(button).click();
  let last = performance.now();
  const end = last + 1800;
  while (last < end) {
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""


def measure() -> list[Result]:
    """A line for each size and one for the morph; not measured where no browser is installed."""
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
            results = [_drawn(page, size) for size in SIZES]
            results.append(_moved(page))
            browser.close()
        return results
    finally:
        page_of_map.terminate()
        page_of_map.wait()


def _drawn(page, size: int) -> Result:
    with page.expect_response(lambda answer: "/gradio_api/" in answer.url and answer.request.method == "POST"):
        page.locator(f"#make-{size}").click()
    seconds = [page.evaluate(_DRAW, [f"#draw-{size}", min(SIZES[0], size)]) / 1000 for _ in range(REPEATS + 1)][1:]
    allowed = ALLOWED[size]
    ratios = [one / allowed for one in seconds]
    ratio = statistics.median(ratios)
    sampled = f", a sample of {SIZES[0]:,}" if size > SIZES[0] else ""
    return Result(
        f"map of {size:,}", ratio, 1.0, ratio <= 1.0,
        f"the {allowed:.0f} s it may take: {statistics.median(seconds):.1f} s from the vectors to the screen{sampled}",
        (min(ratios), max(ratios)),
    )


def _moved(page) -> Result:
    """Frames a second while the points move, against the page at rest, in turn."""
    rates, rest, longest = [], [], 0.0
    for _ in range(REPEATS):
        still, moving = page.evaluate(_FRAMES, ""), page.evaluate(_FRAMES, "#map .play")
        rest.append(1000 * len(still) / sum(still))
        rates.append(1000 * len(moving) / sum(moving))
        longest = max(longest, *moving)
        page.wait_for_timeout(1000)
    ratios = [one / other for one, other in zip(rates, rest, strict=True)]
    ratio = statistics.median(ratios)
    return Result(
        "map that moves", ratio, SMOOTH, ratio >= SMOOTH,
        f"the page at rest: {statistics.median(rest):.0f} frames a second, moving {SIZES[0]:,} texts "
        f"{statistics.median(rates):.0f}, longest frame {longest:.0f} ms, here without a graphics card",
        (min(ratios), max(ratios)),
    )


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

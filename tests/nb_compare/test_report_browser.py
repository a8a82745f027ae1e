"""The page of a comparison in a browser: what its images show, and what they do when used."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from nb_compare import report_planes
from nb_compare.report import report_html
from nb_compare.summary import measure

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
    "--window-size=1366,900",
]
HOSTILE = (
    "</script ></script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is installed")

SHAPE = (24, 32)
BRIGHT, MORE, LESS = (3, 20), (5, 6), (10, 25)
"""Pixels (slow, fast): the brightest of both images, and where nb is brighter and dimmer."""

# A browser that only prints the document draws no frames, so that the page is given timers instead.
WATCH = """
<script>
window.errors = [];
window.requestAnimationFrame = (draw) => setTimeout(draw, 16);
window.addEventListener("error", (event) => errors.push(String(event.message)));
window.addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
for (const name of ["error", "warn"]) console[name] = (...words) => errors.push(words.join(" "));
document.addEventListener("securitypolicyviolation", (event) => errors.push(event.blockedURI));
</script>
"""
DRIVE = """
<script>
(async () => {
  const seen = {};
  const el = (id) => document.getElementById(id);
  const NAMED = ["reference", "image", "difference"];
  const frames = async () => {
    for (let i = 0; i < 3; i++) await new Promise((done) => requestAnimationFrame(done));
  };
  for (let i = 0; i < 300 && !document.documentElement.dataset.ready; i++) {
    await new Promise((done) => setTimeout(done, 20));
  }
  const pictures = () => NAMED.map((name) => {
    const canvas = el(`canvas-${name}`);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 2166136261;
    for (const value of pixels) sum = Math.imul(sum ^ value, 16777619);
    return sum;
  });
  const texts = () => Object.fromEntries(
    ["pixel", "reference", "image", "difference", "relative", "view", "block"].map(
      (name) => [name, el(`read-${name}`).textContent]));
  const note = async (name) => {
    await frames();
    seen[name] = {
      view: JSON.parse(el("viewer").dataset.view), pictures: pictures(), texts: texts(),
      limits: ["low", "high", "limit"].map((id) => el(`${id}-value`).textContent),
    };
  };
  const place = (name, slow, fast) => {
    // Where a pixel's centre is on the screen while the whole image is in view.
    const box = el(`canvas-${name}`).getBoundingClientRect();
    const zoom = (box.width - 49) / WIDE;
    const [x, y] = [44 + (fast + 0.5) * zoom, 5 + (slow + 0.5) * zoom];
    return { clientX: box.left + x, clientY: box.top + y };
  };
  const send = (id, kind, type, options) =>
    el(id).dispatchEvent(new kind(type, { bubbles: true, cancelable: true, ...options }));
  const hover = (name, slow, fast) =>
    send(`canvas-${name}`, PointerEvent, "pointermove", place(name, slow, fast));
  const colour = (name, slow, fast) => {
    const canvas = el(`canvas-${name}`);
    const box = canvas.getBoundingClientRect();
    const { clientX, clientY } = place(name, slow, fast);
    const scale = canvas.width / box.width;
    const spot = [(clientX - box.left) * scale, (clientY - box.top) * scale].map(Math.round);
    return [...canvas.getContext("2d").getImageData(...spot, 1, 1).data].slice(0, 3);
  };
  const set = (id, value, type) => { el(id).value = value; send(id, Event, type, {}); };
  try {
    STEPS
  } catch (error) {
    errors.push(`driver: ${error.stack}`);
  }
  seen.errors = errors;
  seen.broken = window.broken === 1;
  seen.loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
})();
</script>
"""


def images():
    rng = np.random.default_rng(3)
    reference = rng.uniform(1, 2, SHAPE).astype(np.float32)
    reference[BRIGHT] = 5000
    image = (reference * (1 + 1e-3 * rng.standard_normal(SHAPE))).astype(np.float32)
    image[MORE] += 40
    image[LESS] -= np.float32(0.9)
    return image, reference


def browse(folder, page, steps):
    """Opens a copy of a page, takes the steps, and gives what was seen."""
    drive = DRIVE.replace("STEPS", steps).replace("WIDE", str(SHAPE[1]))
    page = page.replace("<title>", WATCH + "<title>", 1)
    head, end, tail = page.rpartition("</body>")
    path = folder / "page.html"
    path.write_text(head + drive + end + tail, encoding="utf-8")
    command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'user'}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    seen = json.loads(html.unescape(found[1]))
    seen["console"] = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return seen


STEPS = """
await note("start");
seen.colours = {
  bright: colour("reference", 3, 20), mirrored: colour("reference", 20, 3),
  more: colour("difference", 5, 6), less: colour("difference", 10, 25),
};
hover("difference", 3, 20); await note("hover");
hover("reference", 23, 31); await note("corner");
hover("image", 5, 6); await note("home");
send("canvas-image", WheelEvent, "wheel", { deltaY: -500, ...place("image", 5, 6) });
await note("wheel");
send("canvas-reference", PointerEvent, "pointerdown", { clientX: 200, clientY: 200 });
send("canvas-reference", PointerEvent, "pointermove", { clientX: 180, clientY: 170 });
send("canvas-reference", PointerEvent, "pointerup", {}); await note("drag");
send("canvas-difference", MouseEvent, "dblclick", {}); await note("reset");
document.querySelector("input[value=linear]").click(); await note("linear");
document.querySelector("input[value=log]").click(); await note("log");
set("low", 0.2, "input"); await note("low");
set("low", 5, "input"); await note("crossed");
set("limit", -1, "input"); await note("limit");
set("colours", "paper", "change"); await note("paper");
el("show-peaks").click(); await note("peaks");
el("jump").click(); await note("jump");
send("canvas-image", KeyboardEvent, "keydown", { key: "-" }); await note("smaller");
send("canvas-image", KeyboardEvent, "keydown", { key: "ArrowDown" }); await note("down");
send("canvas-image", KeyboardEvent, "keydown", { key: "0" }); await note("key0");
el("go-slow").value = "10"; el("go-fast").value = "25"; el("go").requestSubmit(); await note("go");
el("reset").click(); await note("whole");
const map = el("blocks").getBoundingClientRect();
send("blocks", MouseEvent, "click",
  { clientX: map.left + map.width * (25.5 / 32), clientY: map.top + map.height * (10.5 / 24) });
await note("block");
send("blocks", KeyboardEvent, "keydown", { key: "ArrowLeft" });
send("blocks", KeyboardEvent, "keydown", { key: "Enter" }); await note("keyblock");
document.querySelector("[data-peak='0']").click(); await note("peak");
seen.size = [...document.querySelectorAll(".viewer canvas")].map((canvas) => canvas.clientWidth);
seen.wide = document.documentElement.scrollWidth;
seen.status = el("status").textContent;
seen.name = JSON.parse(el("summary").textContent).reference.name;
"""


@pytest.fixture(scope="module")
def pair():
    return images()


@pytest.fixture(scope="module")
def seen(pair, tmp_path_factory):
    """What a browser saw of a page with names that try to break out."""
    more = {
        "reference": {"kind": "program", "name": HOSTILE, "command": HOSTILE},
        "inputs": [{"name": HOSTILE, "sha256": "0"}],
        "environment": {HOSTILE: HOSTILE},
    }
    page = report_html({**measure(*pair), **more}, *pair)
    return browse(tmp_path_factory.mktemp("page"), page, STEPS)


def centre(step):
    return step["view"]["slow"], step["view"]["fast"]


def as_number(text):
    return float(text.replace("−", "-"))


def test_no_errors_and_nothing_is_loaded(seen):
    assert seen["errors"] == []
    assert seen["console"] == []
    assert seen["loaded"] == []
    assert seen["status"] == ""
    assert not seen["broken"]
    assert seen["name"] == HOSTILE


def test_three_images_of_one_size_fit_a_laptop(seen):
    assert len(set(seen["size"])) == 1
    assert seen["size"][0] > 380
    assert seen["wide"] <= 1366


def test_the_whole_image_at_first(seen, pair):
    start = seen["start"]
    assert centre(start) == (12, 16)
    assert start["texts"]["view"] == "0–23, 0–31"
    worst = np.unravel_index(np.abs(pair[0].astype(float) - pair[1]).argmax(), SHAPE)
    assert start["texts"]["pixel"] == f"{worst[0]}, {worst[1]}"


def test_slow_runs_down_and_fast_right(seen):
    assert sum(seen["colours"]["bright"]) > 600
    assert sum(seen["colours"]["mirrored"]) < 300


def test_red_is_where_nb_is_brighter(seen):
    red, _, blue = seen["colours"]["more"]
    assert red - blue > 50
    red, _, blue = seen["colours"]["less"]
    assert blue - red > 50


@pytest.mark.parametrize(
    ("step", "place"), [("hover", BRIGHT), ("corner", (23, 31)), ("home", MORE)]
)
def test_the_readout_is_of_the_pixel_under_the_pointer(seen, pair, step, place):
    image, reference = (values[place].astype(float) for values in pair)
    texts = seen[step]["texts"]
    assert texts["pixel"] == f"{place[0]}, {place[1]}"
    assert as_number(texts["reference"]) == pytest.approx(reference, rel=1.2e-4)
    assert as_number(texts["image"]) == pytest.approx(image, rel=1.2e-4)
    assert as_number(texts["difference"]) == pytest.approx(image - reference, rel=1e-3)
    assert as_number(texts["relative"]) == pytest.approx((image - reference) / 5000, rel=5e-3)


def changed(seen, before, after):
    """Which of the three pictures changed."""
    pairs = zip(seen[before]["pictures"], seen[after]["pictures"], strict=True)
    return [a != b for a, b in pairs]


def test_the_wheel_zooms_all_three_around_the_pointer(seen):
    before, after = seen["home"]["view"], seen["wheel"]["view"]
    assert after["zoom"] > 1.5 * before["zoom"]
    assert changed(seen, "home", "wheel") == [True] * 3
    for axis, spot, middle in (("slow", 5.5, 12), ("fast", 6.5, 16)):
        kept = (spot - middle) * before["zoom"]
        assert (spot - after[axis]) * after["zoom"] == pytest.approx(kept, abs=1)


def test_dragging_moves_all_three(seen):
    before, after = seen["wheel"]["view"], seen["drag"]["view"]
    assert after["zoom"] == before["zoom"]
    assert after["fast"] - before["fast"] == pytest.approx(20 / before["zoom"])
    assert after["slow"] - before["slow"] == pytest.approx(30 / before["zoom"])
    assert changed(seen, "wheel", "drag") == [True] * 3


def test_a_double_click_shows_the_whole_image(seen):
    assert seen["reset"]["view"] == seen["home"]["view"]
    assert seen["reset"]["pictures"] == seen["home"]["pictures"]


def test_linear_and_logarithmic(seen):
    assert changed(seen, "reset", "linear") == [True] * 3
    assert seen["log"]["pictures"] == seen["reset"]["pictures"]


def test_the_sliders(seen):
    assert changed(seen, "log", "low") == [True, True, False]
    assert as_number(seen["low"]["limits"][0]) == pytest.approx(10**0.2, rel=1e-2)
    low, high, _ = map(as_number, seen["crossed"]["limits"])
    assert low < high
    assert changed(seen, "crossed", "limit") == [False, False, True]
    assert as_number(seen["limit"]["limits"][2]) == pytest.approx(0.1)


def test_colours_and_peaks(seen):
    assert changed(seen, "limit", "paper") == [True, True, False]
    assert changed(seen, "paper", "peaks") == [True] * 3


def test_the_worst_pixel(seen, pair):
    worst = np.unravel_index(np.abs(pair[0].astype(float) - pair[1]).argmax(), SHAPE)
    jump = seen["jump"]
    assert jump["texts"]["pixel"] == f"{worst[0]}, {worst[1]}"
    assert jump["view"]["zoom"] > seen["home"]["view"]["zoom"]


def test_the_keys(seen):
    assert seen["smaller"]["view"]["zoom"] < seen["jump"]["view"]["zoom"]
    assert centre(seen["down"])[0] >= centre(seen["smaller"])[0]
    assert seen["key0"]["view"] == seen["home"]["view"]


def test_going_to_a_pixel(seen):
    assert seen["go"]["texts"]["pixel"] == "10, 25"
    assert as_number(seen["go"]["texts"]["difference"]) < -0.8
    assert seen["whole"]["view"] == seen["home"]["view"]


def test_a_click_on_a_block_shows_it_in_all_three(seen):
    assert centre(seen["block"]) == pytest.approx((10.5, 25.5), abs=5)
    assert seen["block"]["view"]["zoom"] >= 60
    assert changed(seen, "whole", "block") == [True] * 3
    assert seen["block"]["texts"]["block"].startswith("Slow 10–10, fast 25–25: ")
    assert seen["keyblock"]["texts"]["block"].startswith("Slow 10–10, fast 24–24: ")
    assert centre(seen["keyblock"])[1] < centre(seen["block"])[1]


def test_a_peak_of_the_table(seen):
    assert seen["peak"]["texts"]["pixel"] == f"{BRIGHT[0]}, {BRIGHT[1]}"


def test_cells_of_a_reduced_image(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(report_planes, "LARGEST_SIDE", 16)
    page = report_html(measure(*pair), *pair)
    seen = browse(tmp_path, page, 'hover("image", 5, 6); await note("cell");')
    assert seen["errors"] == []
    texts = seen["cell"]["texts"]
    assert texts["pixel"] == "4–5, 6–7"
    image, reference = (values[4:6, 6:8].astype(float) for values in pair)
    assert as_number(texts["reference"]) == pytest.approx(reference.mean(), rel=1.2e-4)
    assert as_number(texts["image"]) == pytest.approx(image.mean(), rel=1.2e-4)
    assert as_number(texts["difference"]) == pytest.approx(40, rel=1e-2)


def test_a_region_counts_from_the_corner_of_the_detector(pair, tmp_path):
    slow, fast = 100, 200
    summary = measure(*pair)
    summary["roi"] = [fast, fast + SHAPE[1] - 1, slow, slow + SHAPE[0] - 1]
    summary["metrics"]["worst"] = [slow + MORE[0], fast + MORE[1]]
    for peak in summary["peaks"]["brightest"]:
        for name in ("reference", "image"):
            peak[name] = peak[name] and [peak[name][0] + slow, peak[name][1] + fast]
    page = report_html(summary, *pair)
    steps = """
    hover("image", 5, 6); await note("home");
    el("go-slow").value = "110"; el("go-fast").value = "225"; el("go").requestSubmit();
    await note("go");
    el("jump").click(); await note("jump");
    document.querySelector("[data-peak='0']").click(); await note("peak");
    """
    seen = browse(tmp_path, page, steps)
    assert seen["errors"] == []
    assert seen["home"]["texts"]["pixel"] == "105, 206"
    assert seen["go"]["texts"]["pixel"] == "110, 225"
    assert as_number(seen["go"]["texts"]["difference"]) < -0.8
    assert seen["jump"]["texts"]["pixel"] == f"{slow + MORE[0]}, {fast + MORE[1]}"
    assert seen["peak"]["texts"]["pixel"] == f"{slow + BRIGHT[0]}, {fast + BRIGHT[1]}"


def test_images_of_zeros_are_shown(tmp_path):
    zero = np.zeros(SHAPE, np.float32)
    page = report_html(measure(zero, zero), zero, zero)
    seen = browse(tmp_path, page, 'hover("image", 5, 6); await note("zero");')
    assert seen["errors"] == []
    assert seen["zero"]["texts"]["difference"] == "0"

"use strict";
// The images of the page. Places are in pixels: pixel (slow, fast) covers slow to slow + 1.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("viewer-data").textContent);
const [slowPixels, fastPixels] = data.shape;
const [rows, columns] = data.cells;
const block = data.block;
const [firstSlow, firstFast] = data.origin; // of a region of interest: what pixel 0 is called
const NAMES = ["reference", "image", "difference"];
const MARGIN = { left: 44, top: 5, right: 5, bottom: 22 };
const MOST_ZOOM = 60;
const planes = {};
const view = { slow: slowPixels / 2, fast: fastPixels / 2, zoom: 1 };
let plot = { width: 1, height: 1, scale: 1 };
let cursor = null;
let drawn = false;

// ---- colours ----
const STOPS = {
  inferno: "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4",
  viridis: "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
  grey: "000000 ffffff",
  paper: "ffffff 000000",
  signed: "053061 2166ac 4393c3 92c5de d1e5f0 ffffff fddbc7 f4a582 d6604d b2182b 67001f",
  blocks: "ffffff deebf7 9ecae1 4292c6 08519c 08203f",
};
const COLOURS = {};
for (const [name, text] of Object.entries(STOPS)) {
  const stops = text.split(" ").map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  COLOURS[name] = Uint32Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (stops.length - 1);
    const from = Math.min(Math.floor(place), stops.length - 2);
    const mix = (c) => Math.round(stops[from][c] + (stops[from + 1][c] - stops[from][c]) * (place - from));
    return (255 << 24 | mix(2) << 16 | mix(1) << 8 | mix(0)) >>> 0;
  });
}
const gradient = (name) => `linear-gradient(to right, ${STOPS[name].split(" ").map((c) => "#" + c)})`;
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

// ---- numbers ----
const minus = (text) => text.replaceAll("-", "−").replace(/e\+?(−?)(\d+)/, "e$1$2");
function number(x, digits) {
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1e6 || size < 1e-3 ? x.toExponential(digits - 1) : x.toPrecision(digits);
  return minus(text);
}
const signed = (x, digits) => (x > 0 ? "+" : "") + number(x, digits);

// ---- pixels ----
async function unpack(name) {
  const text = atob(byId(`plane-${name}`).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = rows * columns;
  const codes = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    codes[i] = raw[i] << 24 | raw[count + i] << 16 | raw[2 * count + i] << 8;
  }
  return codes;
}
const cellOf = (slow, fast) => Math.floor(slow / block) * columns + Math.floor(fast / block);

// ---- view ----
const fitZoom = () => Math.min(plot.width / fastPixels, plot.height / slowPixels);
function keepInside() {
  view.zoom = clamp(view.zoom, fitZoom(), Math.max(MOST_ZOOM, fitZoom()));
  for (const [axis, pixels, length] of [["slow", slowPixels, plot.height], ["fast", fastPixels, plot.width]]) {
    const half = length / view.zoom / 2;
    view[axis] = half * 2 >= pixels ? pixels / 2 : clamp(view[axis], half, pixels - half);
  }
  schedule();
}
const leftEdge = () => view.fast - plot.width / view.zoom / 2;
const topEdge = () => view.slow - plot.height / view.zoom / 2;
function reset() {
  Object.assign(view, { slow: slowPixels / 2, fast: fastPixels / 2, zoom: 0 });
  keepInside();
}
function zoomAt(factor, x, y) {
  const [fast, slow] = [leftEdge() + x / view.zoom, topEdge() + y / view.zoom];
  view.zoom = clamp(view.zoom * factor, fitZoom(), Math.max(MOST_ZOOM, fitZoom()));
  view.fast = fast + (plot.width / 2 - x) / view.zoom;
  view.slow = slow + (plot.height / 2 - y) / view.zoom;
  keepInside();
}
function showRange(slow, fast, slowSize, fastSize) {
  view.zoom = Math.min(plot.height / slowSize, plot.width / fastSize);
  Object.assign(view, { slow: slow + slowSize / 2, fast: fast + fastSize / 2 });
  keepInside();
}
function showPixel(slow, fast) {
  const side = 24 * block;
  showRange(slow + 0.5 - side / 2, fast + 0.5 - side / 2, side, side);
  read(slow, fast);
}

// ---- drawing ----
let pending = false;
function schedule() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; draw(); });
}
function span(start, count, length) {
  // For each canvas pixel along an axis the cells it covers: [first, end), or an empty range.
  const step = 1 / view.zoom / plot.scale;
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [(start + i * step) / block, (start + (i + 1) * step) / block];
    const first = step / block >= 1 ? Math.round(from) : Math.floor((from + to) / 2);
    const end = step / block >= 1 ? Math.max(Math.round(to), first + 1) : first + 1;
    return [Math.max(first, 0), Math.min(end, length)];
  });
}
function shade(name) {
  const linear = document.querySelector("input[name=scale]:checked").value === "linear";
  if (name === "difference") {
    const limit = 10 ** byId("limit").value;
    const inner = limit * 1e-3;
    const part = linear
      ? (size) => size / limit
      : (size) => (size < inner ? size / inner : 1 + Math.log10(size / inner)) / 4;
    return (x) => 127.5 + 127.5 * Math.sign(x) * Math.min(part(Math.abs(x)), 1);
  }
  const [low, high] = [Number(byId("low").value), Number(byId("high").value)];
  const [dim, bright] = [10 ** low, 10 ** high];
  return linear
    ? (x) => (255 * (x - dim)) / (bright - dim)
    : (x) => (x > 0 ? (255 * (Math.log10(x) - low)) / (high - low) : 0);
}
function paint(name, context, across, down) {
  const picture = new ImageData(across.length, down.length);
  const out = new Uint32Array(picture.data.buffer);
  const values = planes[name];
  const colours = COLOURS[name === "difference" ? "signed" : byId("colours").value];
  const shadeOf = shade(name);
  const furthest = name === "difference";
  let place = 0;
  for (const [y0, y1] of down) {
    for (const [x0, x1] of across) {
      if (y1 <= y0 || x1 <= x0) { out[place++] = 0xfff3efec; continue; }
      let value = 0;
      for (let y = y0; y < y1; y++) {
        for (let i = y * columns + x0; i < y * columns + x1; i++) {
          if (!furthest) value += values[i];
          else if (Math.abs(values[i]) > Math.abs(value)) value = values[i];
        }
      }
      if (!furthest) value /= (y1 - y0) * (x1 - x0);
      out[place++] = colours[clamp(Math.round(shadeOf(value)), 0, 255)];
    }
  }
  context.putImageData(picture, MARGIN.left * plot.scale, MARGIN.top * plot.scale);
}
function ticks(start, end, room) {
  // Round pixel numbers, at least `room` pixels apart.
  const rough = Math.max((end - start) / 5, room / view.zoom);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((m) => m * power >= rough) * power);
  const found = [];
  for (let p = Math.ceil((start - 0.5) / step) * step; p + 0.5 <= end; p += step) if (p >= 0) found.push(p);
  return found;
}
function drawAxes(context) {
  const { width, height } = plot;
  context.fillStyle = context.strokeStyle = "#57626f";
  context.font = "11px system-ui, sans-serif";
  context.strokeRect(MARGIN.left - 0.5, MARGIN.top - 0.5, width + 1, height + 1);
  context.textAlign = "center";
  for (const p of ticks(Math.max(leftEdge(), 0), Math.min(leftEdge() + width / view.zoom, fastPixels), 40)) {
    const x = MARGIN.left + (p + 0.5 - leftEdge()) * view.zoom;
    context.fillRect(x - 0.5, MARGIN.top + height, 1, 4);
    context.fillText(String(p + firstFast), clamp(x, 20, MARGIN.left + width - 10), MARGIN.top + height + 15);
  }
  context.textAlign = "right";
  for (const p of ticks(Math.max(topEdge(), 0), Math.min(topEdge() + height / view.zoom, slowPixels), 18)) {
    const y = MARGIN.top + (p + 0.5 - topEdge()) * view.zoom;
    context.fillRect(MARGIN.left - 4, y - 0.5, 4, 1);
    context.fillText(String(p + firstSlow), MARGIN.left - 7, clamp(y, MARGIN.top + 4, MARGIN.top + height - 4) + 4);
  }
}
function drawMarks(context, name) {
  const at = (slow, fast) => [
    MARGIN.left + (fast - leftEdge()) * view.zoom, MARGIN.top + (slow - topEdge()) * view.zoom];
  context.save();
  context.beginPath();
  context.rect(MARGIN.left, MARGIN.top, plot.width, plot.height);
  context.clip();
  if (byId("show-peaks").checked) {
    context.strokeStyle = name === "difference" ? "#1a7a3c" : "#2fd0ff";
    for (const pair of data.peaks) {
      const [slow, fast] = pair[name === "image" ? 1 : 0];
      context.beginPath();
      context.arc(...at(slow + 0.5, fast + 0.5), 6, 0, 7);
      context.stroke();
    }
  }
  if (cursor) {
    const [x, y] = at(...cursor.map((p) => Math.floor(p / block) * block));
    const side = block * view.zoom;
    for (const [colour, width] of [["#fff", 3], ["#1d5c9e", 1.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.rect(x - 1.5, y - 1.5, side + 3, side + 3);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        const [cx, cy, reach] = [x + side / 2, y + side / 2, side / 2 + 5];
        context.moveTo(cx + dx * reach, cy + dy * reach);
        context.lineTo(cx + dx * (reach + 9), cy + dy * (reach + 9));
      }
      context.stroke();
    }
  }
  context.restore();
}
function draw() {
  const across = span(leftEdge(), Math.round(plot.width * plot.scale), columns);
  const down = span(topEdge(), Math.round(plot.height * plot.scale), rows);
  for (const name of NAMES) {
    const context = byId(`canvas-${name}`).getContext("2d", { willReadFrequently: true });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    paint(name, context, across, down);
    context.scale(plot.scale, plot.scale);
    drawAxes(context);
    drawMarks(context, name);
  }
  const range = (start, length, pixels, first) =>
    `${first + Math.floor(Math.max(start, 0) + 1e-6)}–${first + Math.ceil(Math.min(start + length, pixels) - 1e-6) - 1}`;
  byId("read-view").textContent =
    `${range(topEdge(), plot.height / view.zoom, slowPixels, firstSlow)}, ${range(leftEdge(), plot.width / view.zoom, fastPixels, firstFast)}`;
  byId("viewer").dataset.view = JSON.stringify(view);
}
function showKey(name, colours, labels) {
  const bar = document.createElement("i");
  bar.style.background = gradient(colours);
  const [first, ...rest] = labels.map((text) => Object.assign(document.createElement("span"), { textContent: text }));
  byId(`key-${name}`).replaceChildren(first, bar, ...rest);
}
function showScale() {
  const [low, high, limit] = ["low", "high", "limit"].map((id) => 10 ** byId(id).value);
  byId("low-value").textContent = number(low, 3);
  byId("high-value").textContent = number(high, 3);
  byId("limit-value").textContent = number(limit, 3);
  for (const id of ["low", "high", "limit"]) byId(id).setAttribute("aria-valuetext", byId(`${id}-value`).textContent);
  for (const name of ["reference", "image"]) {
    showKey(name, byId("colours").value, [number(low, 3), `${number(high, 3)} photons`]);
  }
  showKey("difference", "signed", [number(-limit, 3), `+${number(limit, 3)} photons`]);
  schedule();
}

// ---- read-out ----
function read(slow, fast) {
  cursor = [slow, fast];
  const cell = cellOf(slow, fast);
  const [reference, image, difference] = NAMES.map((name) => planes[name][cell]);
  const corner = [slow, fast].map((p, i) => data.origin[i] + Math.floor(p / block) * block);
  const end = corner.map((p, i) => Math.min(p + block, data.origin[i] + data.shape[i]) - 1);
  byId("read-pixel").textContent =
    block === 1 ? `${corner[0]}, ${corner[1]}` : `${corner[0]}–${end[0]}, ${corner[1]}–${end[1]}`;
  byId("read-reference").textContent = number(reference, 5);
  byId("read-image").textContent = number(image, 5);
  byId("read-difference").textContent = signed(difference, 4);
  byId("read-relative").textContent = data.brightest > 0 ? signed(difference / data.brightest, 3) : "–";
  schedule();
}
function pixelAt(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left - MARGIN.left;
  const y = event.clientY - box.top - MARGIN.top;
  const [slow, fast] = [Math.floor(topEdge() + y / view.zoom), Math.floor(leftEdge() + x / view.zoom)];
  const inside = x >= 0 && y >= 0 && x < plot.width && y < plot.height
    && slow >= 0 && fast >= 0 && slow < slowPixels && fast < fastPixels;
  return { x, y, slow, fast, inside };
}

// ---- events ----
function listen(canvas) {
  let held = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = pixelAt(canvas, event);
    const pixels = event.deltaMode ? event.deltaY * 30 : event.deltaY;
    zoomAt(Math.exp(clamp(-pixels, -300, 300) * 0.002), x, y);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY];
    canvas.classList.add("dragging");
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held) {
      view.fast -= (event.clientX - held[0]) / view.zoom;
      view.slow -= (event.clientY - held[1]) / view.zoom;
      held = [event.clientX, event.clientY];
      keepInside();
      return;
    }
    const { slow, fast, inside } = pixelAt(canvas, event);
    if (inside) read(slow, fast);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => { held = null; canvas.classList.remove("dragging"); });
  }
  canvas.addEventListener("dblclick", reset);
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const factor = { "+": 1.4, "=": 1.4, "-": 1 / 1.4 }[event.key];
    if (move) {
      view.slow += (move[0] * plot.height * 0.1) / view.zoom;
      view.fast += (move[1] * plot.width * 0.1) / view.zoom;
      keepInside();
    } else if (factor) zoomAt(factor, plot.width / 2, plot.height / 2);
    else if (event.key === "0") reset();
    else return;
    event.preventDefault();
  });
}
function fitCanvases() {
  const width = byId("canvas-reference").clientWidth;
  if (!width || matchMedia("print").matches) return;
  const across = width - MARGIN.left - MARGIN.right;
  const height = Math.round(across * clamp(slowPixels / fastPixels, 0.4, 1.6));
  const scale = window.devicePixelRatio || 1;
  const whole = !drawn || Math.abs(view.zoom - fitZoom()) < 1e-9;
  plot = { width: across, height, scale };
  for (const name of NAMES) {
    const canvas = byId(`canvas-${name}`);
    const tall = height + MARGIN.top + MARGIN.bottom;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(tall * scale);
    canvas.style.aspectRatio = `${width} / ${tall}`;
  }
  drawn = true;
  if (whole) reset(); else keepInside();
  draw();
}

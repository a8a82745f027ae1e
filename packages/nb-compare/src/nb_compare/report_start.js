
// The map of blocks, and what sets the page going.
const blockMap = byId("blocks");
const blockValues = data.blocks.max_relative || [];
let chosen = null;

function blockScale() {
  const known = blockValues.flat().filter((x) => x > 0);
  const high = Math.log10(Math.max(...known));
  return { low: Math.max(Math.log10(Math.min(...known)), high - 6, -300), high, empty: !known.length };
}
function drawBlocks() {
  const width = blockMap.clientWidth;
  if (!width || !blockValues.length || matchMedia("print").matches) return;
  const [down, across] = [blockValues.length, blockValues[0].length];
  const scale = window.devicePixelRatio || 1;
  const height = Math.round(width * clamp(slowPixels / fastPixels, 0.25, 2));
  blockMap.width = Math.round(width * scale);
  blockMap.height = Math.round(height * scale);
  blockMap.style.aspectRatio = `${width} / ${height}`;
  const context = blockMap.getContext("2d", { willReadFrequently: true });
  const { low, high, empty } = blockScale();
  const edge = (i, size, pixels, length) => Math.round((Math.min(i * size, pixels) / pixels) * length);
  const [slowSize, fastSize] = data.blocks.size;
  const box = (row, column) => {
    const [x, y] = [edge(column, fastSize, fastPixels, blockMap.width), edge(row, slowSize, slowPixels, blockMap.height)];
    return [x, y, edge(column + 1, fastSize, fastPixels, blockMap.width) - x,
      edge(row + 1, slowSize, slowPixels, blockMap.height) - y];
  };
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const value = blockValues[row][column];
      const part = value > 0 ? 0.12 + (0.88 * (Math.log10(value) - low)) / (high - low || 1) : 0;
      const colour = COLOURS.blocks[clamp(Math.round(255 * (high === low && value > 0 ? 1 : part)), 0, 255)];
      context.fillStyle = value === null ? "#8a93a0" : `#${[0, 8, 16].map((n) => (colour >> n & 255).toString(16).padStart(2, "0")).join("")}`;
      context.fillRect(...box(row, column));
    }
  }
  context.strokeStyle = "#57626f";
  context.strokeRect(0.5, 0.5, blockMap.width - 1, blockMap.height - 1);
  if (chosen) {
    context.lineWidth = 2 * scale;
    context.strokeStyle = "#c2410c";
    context.strokeRect(...box(...chosen));
  }
  if (empty) showKey("blocks", "blocks", ["no difference in any block", ""]);
  else showKey("blocks", "blocks", [`≤ ${number(10 ** low, 2)}`, number(10 ** high, 2)]);
}
function chooseBlock(row, column) {
  chosen = [row, column];
  const [slowSize, fastSize] = data.blocks.size;
  const value = blockValues[row][column];
  const range = (i, size, pixels, first) => `${first + i * size}–${first + Math.min((i + 1) * size, pixels) - 1}`;
  const text = value === null ? "the reference is 0" : number(value, 3);
  byId("read-block").textContent =
    `Slow ${range(row, slowSize, slowPixels, firstSlow)}, fast ${range(column, fastSize, fastPixels, firstFast)}: ${text}`;
  drawBlocks();
}
function showBlock() {
  const [[row, column], [slowSize, fastSize]] = [chosen, data.blocks.size];
  showRange(row * slowSize, column * fastSize, slowSize, fastSize);
  toImages();
}
function toImages() {
  byId("viewer").scrollIntoView({ block: "nearest" });
}
function blockAt(event) {
  const box = blockMap.getBoundingClientRect();
  const slow = ((event.clientY - box.top) / box.height) * slowPixels;
  const fast = ((event.clientX - box.left) / box.width) * fastPixels;
  return [
    clamp(Math.floor(slow / data.blocks.size[0]), 0, blockValues.length - 1),
    clamp(Math.floor(fast / data.blocks.size[1]), 0, blockValues[0].length - 1),
  ];
}
function listenBlocks() {
  if (!blockValues.length) return;
  blockMap.addEventListener("pointermove", (event) => chooseBlock(...blockAt(event)));
  blockMap.addEventListener("click", (event) => { chooseBlock(...blockAt(event)); showBlock(); });
  blockMap.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (move) {
      const [row, column] = chosen ? chosen.map((at, axis) => at + move[axis]) : [0, 0];
      chooseBlock(clamp(row, 0, blockValues.length - 1), clamp(column, 0, blockValues[0].length - 1));
    } else if (event.key === "Enter" && chosen) showBlock();
    else return;
    event.preventDefault();
  });
}

function setScale() {
  const { low, high, top } = data.scale;
  const end = Math.log10(top);
  for (const [id, value, shift] of [["low", low, 0], ["high", high, 0.05]]) {
    Object.assign(byId(id), { min: end - data.decades + shift, max: end + 0.45 + shift });
    byId(id).value = Math.log10(value);
  }
  let largest = 0;
  for (const x of planes.difference) largest = Math.max(largest, Math.abs(x));
  const most = Math.log10(largest || top);
  Object.assign(byId("limit"), { min: most - data.decades, max: most });
  byId("limit").value = most;
  for (const [id, other, sign] of [["low", "high", 1], ["high", "low", -1]]) {
    byId(id).addEventListener("input", () => {
      const apart = sign * (Number(byId(other).value) - Number(byId(id).value));
      if (apart < 0.05) byId(other).value = Number(byId(id).value) + sign * 0.05;
      showScale();
    });
  }
  byId("limit").addEventListener("input", showScale);
  byId("colours").addEventListener("change", showScale);
  byId("show-peaks").addEventListener("change", schedule);
  for (const radio of document.querySelectorAll("input[name=scale]")) radio.addEventListener("change", showScale);
}
function setButtons() {
  byId("reset").addEventListener("click", reset);
  byId("jump").disabled = !data.worst;
  byId("jump").addEventListener("click", () => showPixel(...data.worst));
  byId("go").addEventListener("submit", (event) => {
    event.preventDefault();
    const place = ["go-slow", "go-fast"].map((id, axis) => {
      const whole = Math.floor(Number(byId(id).value)) - data.origin[axis];
      return Number.isFinite(whole) ? clamp(whole, 0, data.shape[axis] - 1) : 0;
    });
    showPixel(...place);
  });
  for (const button of document.querySelectorAll("[data-peak]")) {
    button.addEventListener("click", () => {
      const place = data.peaks[button.dataset.peak][0].map((p, axis) => clamp(Math.round(p), 0, data.shape[axis] - 1));
      byId("show-peaks").checked = true;
      showPixel(...place);
      toImages();
    });
  }
}
async function start() {
  drawBlocks();
  listenBlocks();
  if (!("DecompressionStream" in window)) {
    byId("status").textContent = "The images need a browser of 2023 or later; all numbers below do not.";
    return;
  }
  const [theirs, ours, apart] = await Promise.all(NAMES.map(unpack));
  for (let i = 0; i < ours.length; i++) ours[i] ^= theirs[i];
  [theirs, ours, apart].forEach((codes, i) => { planes[NAMES[i]] = new Float32Array(codes.buffer); });
  setScale();
  setButtons();
  for (const name of NAMES) listen(byId(`canvas-${name}`));
  showScale();
  fitCanvases();
  if (data.worst) read(...data.worst);
  new ResizeObserver(() => { fitCanvases(); drawBlocks(); }).observe(byId("viewer"));
  byId("status").textContent = "";
  document.documentElement.dataset.ready = "yes";
}
start().catch((error) => {
  byId("status").textContent = `The images cannot be shown: ${error.message}`;
  throw error;
});

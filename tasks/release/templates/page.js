"use strict";
// Without this script the page still shows everything: native players, titles on hover, links in the graph.
document.documentElement.classList.add("js");

const clock = (seconds) => {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
const within = (value, low, high) => Math.min(high, Math.max(low, value));
let sounding = null;

for (const player of document.querySelectorAll(".player")) {
  const audio = player.querySelector("audio");
  const button = player.querySelector(".play");
  const range = player.querySelector("input");
  const time = player.querySelector(".time");
  const length = Number(player.dataset.duration);
  const score = player.closest(".utterance")?.querySelector(".score");
  const head = score?.querySelector(".head");

  const show = () => {
    const at = within(audio.currentTime / length, 0, 1);
    range.value = audio.currentTime;
    range.setAttribute("aria-valuetext", `${audio.currentTime.toFixed(1)} of ${length.toFixed(1)} seconds`);
    time.textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
    player.style.setProperty("--at", `${at * 100}%`);
    if (head) for (const end of ["x1", "x2"]) head.setAttribute(end, `${at * 100}%`);
  };
  const follow = () => {
    show();
    if (!audio.paused) requestAnimationFrame(follow);
  };
  const state = () => {
    player.classList.toggle("playing", !audio.paused);
    button.setAttribute("aria-label", `${audio.paused ? "Play" : "Pause"} ${player.dataset.name}`);
  };
  button.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
  range.addEventListener("input", () => {
    audio.currentTime = Number(range.value);
    show();
  });
  audio.addEventListener("play", () => {
    if (sounding && sounding !== audio) sounding.pause();
    sounding = audio;
    state();
    follow();
  });
  for (const name of ["pause", "ended", "seeked"]) audio.addEventListener(name, () => (state(), show()));
  if (score) drawReadout(score, player, audio, length, show);
}

function drawReadout(score, player, audio, length, show) {
  const readout = player.closest(".utterance").querySelector(".readout");
  const resting = readout.textContent;
  const cursor = score.querySelector(".cursor");
  const cells = [...score.querySelectorAll(".cell")];
  const pitch = JSON.parse(score.dataset.pitch);
  const fraction = (event) => {
    const box = score.getBoundingClientRect();
    return within((event.clientX - box.left) / box.width, 0, 1);
  };
  const strong = (text) => Object.assign(document.createElement("b"), { textContent: text });

  score.addEventListener("pointermove", (event) => {
    const at = fraction(event);
    const seconds = at * length;
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, `${at * 100}%`);
    cursor.style.visibility = "visible";
    const parts = [strong(`${seconds.toFixed(3)} s`)];
    for (const cell of cells) {
      const now = seconds >= Number(cell.dataset.start) && seconds < Number(cell.dataset.end);
      cell.classList.toggle("now", now);
      if (now) parts.push(` · ${cell.dataset.tier} `, strong(cell.dataset.label));
    }
    const hz = pitch[Math.min(pitch.length - 1, Math.floor(at * pitch.length))];
    if (hz) parts.push(" · ", strong(`${hz} Hz`));
    readout.replaceChildren(...parts);
  });
  score.addEventListener("pointerleave", () => {
    cursor.style.visibility = "hidden";
    for (const cell of cells) cell.classList.remove("now");
    readout.textContent = resting;
  });
  score.addEventListener("click", (event) => {
    audio.currentTime = fraction(event) * length;
    show();
  });
}

for (const graph of document.querySelectorAll(".graph svg")) {
  const frame = graph.parentElement;
  frame.scrollLeft = (frame.scrollWidth - frame.clientWidth) / 2;
  const nodes = [...graph.querySelectorAll("a[data-name]")];
  const above = new Map(nodes.map((node) => [node.dataset.name, new Set(node.dataset.above.split(" "))]));
  const light = (name) => {
    const related = (other) =>
      !name || other === name || above.get(name).has(other) || above.get(other).has(name);
    for (const node of nodes) node.classList.toggle("off", !related(node.dataset.name));
    for (const edge of graph.querySelectorAll(".edge")) {
      const { source, target } = edge.dataset;
      const up = name && (target === name || above.get(name)?.has(target));
      const down = name && (source === name || above.get(source)?.has(name));
      edge.classList.toggle("on", Boolean(up || down));
      edge.classList.toggle("off", Boolean(name && !up && !down));
    }
  };
  for (const node of nodes) {
    for (const name of ["pointerenter", "focus"]) node.addEventListener(name, () => light(node.dataset.name));
    for (const name of ["pointerleave", "blur"]) node.addEventListener(name, () => light(""));
  }
}

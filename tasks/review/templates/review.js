
const review = document.getElementById("review");
const clips = [...review.querySelectorAll(".clip")];
const oneLine = (text) => text.replace(/\s+/g, " ").trim();
const field = (clip) => clip.querySelector("textarea");
const isPressed = (clip, name) => clip.querySelector(name)?.getAttribute("aria-pressed") === "true";
const press = (clip, name, value) => clip.querySelector(name)?.setAttribute("aria-pressed", String(value));
let current = -1;
let isSaved = true;

// The line of the file that says what became of a clip; nothing where it stays as it was.
function lineOf(clip) {
  const { clip: name, before, text } = clip.dataset;
  const said = oneLine(field(clip).value);
  if (isPressed(clip, ".drop")) return before === "drop" ? "" : `${name}\tdrop`;
  if (said !== oneLine(text)) return said ? `${name}\ttext\t${said}` : "";
  if (before === "drop" || isPressed(clip, ".restore")) return `${name}\tkeep`;
  return "";
}

function show(clip) {
  const line = lineOf(clip);
  const isDropped = isPressed(clip, ".drop");
  const isEmpty = !isDropped && !oneLine(field(clip).value) && Boolean(oneLine(clip.dataset.text));
  clip.classList.toggle("dropped", isDropped);
  clip.classList.toggle("changed", Boolean(line));
  clip.querySelector(".undo").disabled = !line && !isEmpty;
  const said = { drop: "will be dropped", text: "will say this", keep: "will be as it was given" };
  clip.querySelector(".state").textContent = isEmpty ? "an empty text changes nothing: drop the clip" : said[line.split("\t")[1]] || "";
  const count = clips.filter((one) => lineOf(one)).length;
  document.getElementById("save").disabled = !count;
  document.getElementById("changes").textContent = count ? `${count} ${count === 1 ? "clip" : "clips"} changed.` : "Nothing is changed.";
}

function undo(clip) {
  field(clip).value = clip.dataset.text;
  press(clip, ".drop", clip.dataset.before === "drop");
  press(clip, ".restore", false);
  changed(clip);
}
function toggle(clip, name) {
  press(clip, name, !isPressed(clip, name));
  changed(clip);
}
function changed(clip) {
  isSaved = false;
  show(clip);
}

function go(at) {
  if (!clips.length) return;
  current = Math.min(clips.length - 1, Math.max(0, at));
  clips[current].focus({ preventScroll: true });
  clips[current].scrollIntoView({ block: "center" });
}

const corrections = () => `# clip\tdrop, keep or text\twhat is said\n${clips.map(lineOf).filter(Boolean).map((line) => `${line}\n`).join("")}`;
function save() {
  if (document.getElementById("save").disabled) return;
  const link = Object.assign(document.createElement("a"), { download: `${review.dataset.voice}-corrections.tsv` });
  link.href = URL.createObjectURL(new Blob([corrections()], { type: "text/tab-separated-values" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  isSaved = true;
}

clips.forEach((clip, at) => {
  clip.addEventListener("focusin", () => (current = at));
  clip.addEventListener("pointerdown", () => (current = at));
  field(clip).addEventListener("input", () => changed(clip));
  clip.querySelector(".drop").addEventListener("click", () => toggle(clip, ".drop"));
  clip.querySelector(".restore")?.addEventListener("click", () => toggle(clip, ".restore"));
  clip.querySelector(".undo").addEventListener("click", () => undo(clip));
});
document.getElementById("save").addEventListener("click", save);
window.addEventListener("beforeunload", (event) => {
  if (!isSaved && clips.some(lineOf)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.tagName === "TEXTAREA") {
    if (event.key === "Escape") go(current);
    return;
  }
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  const clip = clips[Math.max(current, 0)];
  const deeds = {
    j: () => go(current + 1),
    k: () => go(current - 1),
    " ": () => clip?.querySelector(".play").click(),
    e: () => field(clip)?.focus(),
    d: () => toggle(clip, ".drop"),
    u: () => undo(clip),
    s: save,
  };
  const deed = deeds[event.key.toLowerCase()];
  if (!deed) return;
  event.preventDefault();
  deed();
});

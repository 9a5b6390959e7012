const test = JSON.parse(document.getElementById("test").textContent);
const part = (id) => document.getElementById(id);
const LETTERS = "ABCDEFGHIJKLMNOPQSTUVWYZ";
const asked = test.trials.reduce((sum, trial) => sum + 1 + Number(trial.repeated), 0);
const player = new Audio();
let rater = "";
let turns = [];
let answers = [];
let now = null;

part("count").textContent = `There are ${asked} questions.`;
if (!test.trials.some((trial) => trial.reference)) part("about-reference")?.remove();

// Numbers from 0 to 1 that follow from a text, so that the same rater gets the same order again.
function seeded(text) {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(text)) state = Math.imul(state ^ byte, 16777619);
  state = state || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
  for (let skipped = 0; skipped < 16; skipped++) next();
  return next;
}

function shuffled(values, random) {
  const order = [...values];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

// What is asked twice comes later again, with its sounds the other way round.
function planned(random) {
  const plan = shuffled(test.trials, random).map((trial) => ({
    trial,
    again: false,
    order: shuffled(trial.stimuli, random),
    x: trial.stimuli[Math.floor(random() * trial.stimuli.length)],
  }));
  for (const turn of plan.filter((one) => one.trial.repeated)) {
    const from = plan.indexOf(turn) + 1;
    const again = { ...turn, again: true, order: [...turn.order].reverse() };
    again.x = again.order[Math.floor(random() * again.order.length)];
    plan.splice(from + Math.floor(random() * (plan.length - from + 1)), 0, again);
  }
  return plan;
}

const place = () => `voicewright-listening:${test.test}:${rater}`;
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(place()) || "[]");
  } catch {
    return [];
  }
}
function remember() {
  try {
    localStorage.setItem(place(), JSON.stringify(answers));
  } catch {
    // A browser that keeps nothing: the answers last as long as the page.
  }
}

part("start").addEventListener("submit", (event) => {
  event.preventDefault();
  rater = part("rater").value.trim();
  if (!rater) return;
  turns = planned(seeded(`${test.test}/${rater}`));
  answers = remembered();
  part("start").hidden = true;
  part("trial").hidden = false;
  show();
});

function element(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

function show() {
  player.pause();
  if (answers.length >= turns.length) return finish();
  const turn = turns[answers.length];
  now = { turn, heard: new Set(), choice: null, scores: new Map(), last: 0, sounds: [] };
  part("place").textContent = `Question ${answers.length + 1} of ${turns.length}`;
  part("progress").max = turns.length;
  part("progress").value = answers.length;
  part("sentence").textContent = turn.trial.text;
  part("sounds").replaceChildren();
  part("choices").replaceChildren();
  turn.order.forEach((sound, at) => addSound(LETTERS[at], sound));
  if (test.kind === "abx") addSound("X", turn.x);
  if (turn.trial.reference) addSound("R", turn.trial.reference);
  if (test.kind === "mushra") turn.order.forEach(addSlider);
  else addChoices();
  part("wanting").textContent = "";
  part("next").focus();
  return undefined;
}

function addSound(letter, sound) {
  const name = letter === "R" ? "Reference" : letter;
  const button = element("button", name, { type: "button", className: "sound" });
  button.append(" ", element("kbd", letter));
  if (letter === name) button.setAttribute("aria-label", `Play ${letter}`);
  button.addEventListener("click", () => play(letter));
  now.sounds.push({ letter, sound, button });
  part("sounds").append(button);
}

function play(letter) {
  const found = now?.sounds.find((one) => one.letter === letter);
  if (!found) return;
  for (const one of now.sounds) one.button.classList.toggle("playing", one === found);
  found.button.classList.add("heard");
  now.heard.add(letter);
  player.src = test.sounds[found.sound];
  // Another sound that begins before this one has is no error.
  player.play().catch(() => undefined);
  const slider = part("choices").querySelector(`[data-letter="${letter}"]`);
  if (slider) slider.focus();
}
player.addEventListener("ended", () => now?.sounds.forEach((one) => one.button.classList.remove("playing")));

function addChoices() {
  const choices = test.kind === "abx" ? ["X is A", "X is B"] : ["I prefer A", "I prefer B", "No preference"];
  choices.forEach((text, at) => {
    const value = ["first", "second", "neither"][at];
    const button = element("button", text, { type: "button", className: "choice" });
    button.append(" ", element("kbd", at === 2 ? "0" : String(at + 1)));
    button.dataset.value = value;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => choose(value));
    part("choices").append(button);
  });
}

function choose(value) {
  now.choice = value;
  for (const button of part("choices").children)
    button.setAttribute("aria-pressed", String(button.dataset.value === value));
  part("wanting").textContent = "";
}

const WORDS = ["bad", "poor", "fair", "good", "excellent"];
function addSlider(sound, at) {
  const letter = LETTERS[at];
  const row = element("label", "", { className: "scored" });
  const slider = element("input", "", { type: "range", min: 0, max: 100, step: 1, value: 50 });
  slider.dataset.letter = letter;
  slider.setAttribute("aria-label", `Score of ${letter}`);
  const said = element("output", "not scored");
  const score = () => {
    now.scores.set(sound, Number(slider.value));
    const word = WORDS[Math.min(4, Math.floor(Number(slider.value) / 20))];
    said.textContent = `${slider.value} ${word}`;
    slider.setAttribute("aria-valuetext", said.textContent);
    row.classList.add("given");
    part("wanting").textContent = "";
  };
  slider.addEventListener("input", score);
  slider.addEventListener("click", score);
  row.append(element("b", letter), slider, said);
  part("choices").append(row);
}

function wanting() {
  const silent = now.sounds.filter((one) => !now.heard.has(one.letter)).map((one) => one.letter);
  if (silent.length) return `Not heard yet: ${silent.join(", ")}.`;
  if (test.kind === "mushra") {
    const open = now.turn.order.filter((sound) => !now.scores.has(sound));
    return open.length ? `Not scored yet: ${open.map((sound) => LETTERS[now.turn.order.indexOf(sound)]).join(", ")}.` : "";
  }
  return now.choice ? "" : "Choose one first.";
}

function next() {
  const missing = wanting();
  part("wanting").textContent = missing;
  if (missing) return;
  const { turn } = now;
  const answer = { trial: turn.trial.id, again: turn.again };
  if (test.kind === "mushra") answer.scores = Object.fromEntries(turn.order.map((sound) => [sound, now.scores.get(sound)]));
  else {
    [answer.first, answer.second] = turn.order;
    if (test.kind === "abx") answer.x = turn.x;
    answer.choice = now.choice;
  }
  answers.push(answer);
  remember();
  show();
}
part("next").addEventListener("click", next);

const results = () => JSON.stringify({ format: 1, test: test.test, kind: test.kind, rater, answers }, null, 1);
function finish() {
  now = null;
  part("trial").hidden = true;
  part("done").hidden = false;
  part("answers").value = results();
  part("save").focus();
}
function save() {
  const link = element("a", "", { download: `${test.test}-${rater.replace(/[^\p{L}\p{N}]+/gu, "-")}.json` });
  link.href = URL.createObjectURL(new Blob([results()], { type: "application/json" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
part("save").addEventListener("click", save);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === part("rater")) return;
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  if (!part("done").hidden) {
    if (key === "S" && event.target !== part("answers")) save();
    return;
  }
  if (!now) return;
  const chosen = { 1: "first", 2: "second", 0: "neither" }[key];
  if (now.sounds.some((one) => one.letter === key)) play(key);
  else if (chosen && part("choices").querySelector(`[data-value="${chosen}"]`)) choose(chosen);
  else if (key === "Enter") next();
  else return;
  event.preventDefault();
});

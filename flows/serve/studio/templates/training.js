// A training that is looked at until it is over.
const WAIT_MS = 2000;
const ENDS = {
  finished: "Finished.",
  failed: "It did not work.",
  stopped: "It was stopped. Starting again with the same recordings goes on from there.",
  cancelled: "It was stopped. Starting again with the same recordings goes on from there.",
  unfinished: "It is not finished, and nobody works on it.",
};
const PRESENT = { queued: "Waits for its turn.", stopping: "Is being stopped.", running: "Starts." };

export async function watch(shown) {
  const told = new Told(shown);
  for (;;) {
    try {
      const reply = await fetch(`/v1/voices/${encodeURIComponent(shown.dataset.voice)}`);
      const state = await reply.json();
      if (!reply.ok) return told.ends(state.error.message, true);
      if (!(state.state in PRESENT)) return told.ends(ended(state), Boolean(state.error), state.state);
      told.goesOn(state);
    } catch {
      told.says("The server cannot be reached just now.");
    }
    await new Promise((done) => setTimeout(done, WAIT_MS));
  }
}

function ended(state) {
  const word = ENDS[state.state] ?? state.state;
  return state.error ? `${word} ${state.error}` : [word, state.state === "finished" && made(state)].filter(Boolean).join(" ");
}

// The verdict is that of the version that speaks, which need not be the one that was made.
function made(state) {
  const newest = Math.max(0, ...(state.versions ?? []).map((name) => Number(name.split("@").at(-1))));
  return newest > (state.champion ?? newest) ? `Version ${newest} is there; version ${state.champion} still speaks.` : state.verdict;
}

class Told {
  constructor(shown) {
    this.shown = shown;
    this.stage = shown.querySelector(".stage");
    this.bar = shown.querySelector("progress");
    this.left = shown.querySelector(".left");
    this.state = shown.querySelector(".state");
  }

  goesOn(state) {
    const place = state.stages_total ? `Step ${Math.min(state.stages_done + 1, state.stages_total)} of ${state.stages_total}` : "";
    const name = state.stage ? state.stage.replaceAll("_", " ") : "";
    const stage = [place, name].filter(Boolean).join(": ") || PRESENT[state.state];
    const beside = [state.phase, state.total ? `${state.done} of ${state.total}` : ""].filter(Boolean).join(", ");
    this.stage.textContent = beside ? `${stage} (${beside})` : stage;
    if (state.stages_total) this.bar.value = (state.stages_done + (state.progress ?? 0)) / state.stages_total;
    else this.bar.removeAttribute("value");
    const times = [];
    if (state.left_s) times.push(`about ${span(state.left_s)} left`);
    if (state.elapsed_s != null) times.push(`${span(state.elapsed_s)} so far`);
    this.left.textContent = times.join(", ");
    // A screen reader is told of another step, not of every second.
    this.says(state.state === "running" ? stage : PRESENT[state.state]);
  }

  says(text) {
    if (this.state.textContent !== text) this.state.textContent = text;
    this.state.classList.add("unseen");
  }

  ends(text, isFault, state) {
    this.bar.hidden = true;
    this.stage.textContent = this.left.textContent = "";
    this.state.classList.remove("unseen");
    this.state.classList.toggle("fault", isFault);
    this.state.textContent = text;
    this.shown.querySelector(".halt")?.remove();
    this.shown.querySelector(".fresh").hidden = state !== "finished";
  }
}

function span(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// Something that is being made: looked at until it is over.
const shown = document.querySelector("#errand");
const state = shown.querySelector(".state");
const WAIT_MS = 1500;

async function look() {
  try {
    const reply = await fetch(`/studio/errands/${shown.dataset.key}/state`);
    const errand = await reply.json();
    if (!reply.ok) return ended(errand.error.message, true);
    if (errand.state === "finished") return ended(errand.message || "Done.", false);
    if (errand.state === "failed") return ended(`It did not work: ${errand.message}`, true);
  } catch {
    // The server may be starting anew.
  }
  setTimeout(look, WAIT_MS);
}

function ended(text, isFault) {
  state.classList.toggle("fault", isFault);
  state.textContent = text;
  shown.querySelector("progress").hidden = true;
  const made = shown.querySelector(".made");
  if (made) made.hidden = isFault;
}

look();

// The form for a new voice: recordings are sent with a bar, and the page of the voice follows.
const form = document.querySelector("#make-form");
if (form) makes(form);

function makes(form) {
  const state = form.querySelector(".state");
  const bar = form.querySelector("progress");
  const button = form.querySelector("[type=submit]");
  const about = form.querySelector("#preset-about");
  let key = drawn();
  const choose = () => (about.textContent = form.preset.selectedOptions[0].dataset.about);
  choose();
  form.preset.addEventListener("change", choose);
  const known = JSON.parse(form.dataset.known);
  let was = "";
  form.voice.addEventListener("input", () => {
    const name = Object.hasOwn(known, form.voice.value) ? form.voice.value : "";
    if (name === was) return;
    was = name;
    shows(form, ...(known[name] ?? []));
    choose();
  });
  form.addEventListener("change", () => tells(form, known[was]?.[1]));
  // The same form sent again after a failure is the same training; another form is another.
  form.addEventListener("input", () => (key = drawn()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const size = [...form.files.files].reduce((sum, file) => sum + file.size, 0);
    if (size > 1e6 * Number(form.dataset.mb)) {
      return says(state, `These are ${Math.ceil(size / 1e6)} MB, and ${form.dataset.mb} MB are taken at once.`, true);
    }
    button.disabled = true;
    bar.hidden = false;
    bar.removeAttribute("value");
    says(state, "Sending …", false);
    const answer = await sent(body(form), key, (share) => (bar.value = share));
    bar.hidden = true;
    button.disabled = false;
    if (answer.fault) {
      says(state, answer.fault, true);
      button.focus();
      return;
    }
    says(state, "Sent.", false);
    location.assign(`/studio/voices/${encodeURIComponent(form.voice.value)}`);
  });
}

/** What is asked about a voice that is there: whether its recordings stay; its recipe does, unless another is chosen. */
function shows(form, preset, learned) {
  const [before, first] = form.preset.options;
  before.hidden = before.disabled = !preset;
  before.textContent = `as before (${preset})`;
  (preset ? before : first).selected = true;
  form.elements.recordings.value = "add";
  form.querySelector("#earlier").hidden = !learned;
  tells(form, learned);
}

function tells(form, learned) {
  const replaces = form.elements.recordings.value === "replace";
  form.querySelector("#earlier-about").textContent = !learned
    ? ""
    : replaces
      ? `The ${learned} of its last version are not used any more. Earlier versions stay.`
      : `To the ${learned} of its last version. Recordings that are there already are left out.`;
}

function says(state, text, isFault) {
  state.classList.toggle("fault", isFault);
  state.textContent = text;
}

function body(form) {
  const fields = { voice: form.voice.value, recordings: form.elements.recordings.value };
  if (form.preset.value) fields.preset = form.preset.value;
  if (form.language.value) fields.language = form.language.value;
  if (form.folder?.value) return JSON.stringify({ ...fields, folder: form.folder.value });
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  for (const file of form.files.files) data.append("files", file);
  return data;
}

/** By XMLHttpRequest, which alone tells how much was sent. */
function sent(data, key, share) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/voices");
    request.setRequestHeader("Idempotency-Key", key);
    if (typeof data === "string") request.setRequestHeader("Content-Type", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && share(event.loaded / event.total));
    request.addEventListener("load", () => {
      const fault = request.response?.error?.message ?? `The server answered ${request.status}.`;
      done(request.status === 202 ? {} : { fault });
    });
    request.addEventListener("error", () => done({ fault: "The server cannot be reached." }));
    request.send(data);
  });
}

function drawn() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The studio's start page: a text that is spoken, voices that are heard, and one that is made.
import "/studio/files/hearing.js";
import "/studio/files/making.js";
import { Stage, speak, stop } from "/studio/files/speaking.js";

const form = document.querySelector("#speak-form");
if (form) speaks(form);

function speaks(form) {
  const state = form.querySelector(".state");
  const again = form.querySelector(".again");
  const audio = again.querySelector("audio");
  const halt = form.querySelector(".stop");
  const stage = new Stage(form.querySelector(".said"));
  let address = null;
  let number = 0;

  const begin = async () => {
    const own = ++number;
    again.hidden = true;
    audio.pause();
    stage.clear();
    halt.disabled = false;
    state.classList.remove("fault");
    state.textContent = "A moment …";
    try {
      const wish = { input: form.text.value, voice: form.voice.value, speed: Number(form.speed.value) };
      const spoken = await speak(wish, stage, () => (state.textContent = `${form.voice.value} speaks.`));
      if (own !== number) return;
      state.textContent = spoken ? `Spoken: ${spoken.seconds.toFixed(1)} seconds.` : "Stopped.";
      if (spoken) keep(spoken.wav);
    } catch (error) {
      if (own !== number) return;
      state.classList.add("fault");
      state.textContent = error.message;
    }
    ends();
  };
  const keep = (wav) => {
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(wav);
    audio.src = address;
    again.querySelector("a").href = address;
    again.hidden = false;
  };
  const ends = () => {
    // A disabled control would drop the focus that it has.
    if (document.activeElement === halt) form.text.focus();
    halt.disabled = true;
  };
  const asked = new URLSearchParams(location.search).get("voice");
  if ([...form.voice.options].some((option) => option.value === asked)) form.voice.value = asked;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin();
  });
  form.text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  halt.addEventListener("click", stop);
  audio.addEventListener("play", () => stage.follow(() => audio.currentTime));
  for (const name of ["pause", "ended"]) audio.addEventListener(name, () => stage.still());
}

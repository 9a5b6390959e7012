// Buttons that let a voice say a sentence.
import { Stage, speak, stop } from "/studio/files/speaking.js";

for (const hearing of document.querySelectorAll(".hearing")) hears(hearing);

function hears(hearing) {
  const button = hearing.querySelector(".hear");
  const state = hearing.querySelector(".state");
  const stage = new Stage(hearing.querySelector(".said"));
  let isPlaying = false;
  button.addEventListener("click", async () => {
    if (isPlaying) return stop();
    isPlaying = true;
    stage.clear();
    state.textContent = "A moment …";
    named(button, "Stop", hearing.dataset.voice);
    try {
      const wish = { input: hearing.dataset.text, voice: hearing.dataset.voice };
      await speak(wish, stage, () => (state.textContent = ""));
      state.textContent = "";
    } catch (error) {
      state.textContent = error.message;
    }
    isPlaying = false;
    named(button, "Hear", hearing.dataset.voice);
  });
}

function named(button, text, voice) {
  button.textContent = text;
  button.setAttribute("aria-label", `${text} ${voice}`);
}

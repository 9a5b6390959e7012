// A voice's page.
import "/studio/files/hearing.js";
import { watch } from "/studio/files/training.js";

const training = document.querySelector(".training");
if (training) watch(training);

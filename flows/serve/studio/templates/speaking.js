// Speech while it is made: sound is played as it comes, and each word is marked while it is said.
const RATE_HZ = 24000;
const LEAD_S = 0.08;

let present = null;

export class Refused extends Error {}

/** Speak; resolves to `{ seconds, wav, words }`, or to null where it was stopped. */
export async function speak(wish, stage, told) {
  present?.stop();
  const speaking = new Speaking(stage);
  present = speaking;
  try {
    return await speaking.run(wish, told);
  } finally {
    if (present === speaking) present = null;
  }
}

export function stop() {
  present?.stop();
}

class Speaking {
  constructor(stage) {
    this.stage = stage;
    this.abort = new AbortController();
    this.context = new AudioContext({ sampleRate: RATE_HZ });
    this.samples = [];
    this.length = 0;
    this.isStopped = false;
  }

  stop() {
    this.isStopped = true;
    this.abort.abort();
    this.context.close();
  }

  async run(wish, told) {
    try {
      const reply = await fetch("/v1/audio/speech", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...wish, response_format: "pcm", stream_format: "sse", timestamps: true }),
        signal: this.abort.signal,
      });
      if (!reply.ok) throw new Refused(await fault(reply));
      for await (const event of events(reply.body)) this.take(event, told);
      await this.heard();
    } catch (error) {
      if (!this.isStopped) throw error instanceof Refused ? error : new Refused("The server cannot be reached.");
    } finally {
      this.stage.still();
      if (this.context.state !== "closed") this.context.close();
    }
    return this.isStopped ? null : { seconds: this.length / RATE_HZ, wav: wav(this.samples, this.length) };
  }

  take(event, told) {
    if (event.type === "error") throw new Refused(event.error.message);
    if (event.type === "speech.audio.timestamps") this.stage.add(event.sentences);
    if (event.type !== "speech.audio.delta") return;
    if (!this.length) told("speaking");
    this.play(decoded(event.audio));
  }

  play(samples) {
    if (!samples.length) return;
    if (this.length === 0) this.began = this.context.currentTime + LEAD_S;
    let at = this.began + this.length / RATE_HZ;
    if (at < this.context.currentTime) {
      // What was to be said comes late: everything that follows is as much later.
      this.began += this.context.currentTime + LEAD_S - at;
      at = this.began + this.length / RATE_HZ;
    }
    const buffer = this.context.createBuffer(1, samples.length, RATE_HZ);
    buffer.copyToChannel(Float32Array.from(samples, (value) => value / 32768), 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.start(at);
    if (this.length === 0) this.stage.follow(() => this.context.currentTime - this.began);
    this.samples.push(samples);
    this.length += samples.length;
  }

  async heard() {
    while (!this.isStopped && this.context.currentTime < this.began + this.length / RATE_HZ) {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/** A paragraph in which words are marked while they are said. */
export class Stage {
  constructor(paragraph) {
    this.paragraph = paragraph;
    this.clear();
  }

  clear() {
    this.words = [];
    this.marked = null;
    this.clock = null;
    this.paragraph.replaceChildren();
    this.paragraph.hidden = true;
  }

  add(sentences) {
    for (const sentence of sentences) {
      if (this.paragraph.childNodes.length) this.paragraph.append(" ");
      let at = 0;
      for (const word of sentence.words ?? []) {
        const found = sentence.text.indexOf(word.text, at);
        if (found < 0 || !word.text) continue;
        const span = Object.assign(document.createElement("span"), { textContent: word.text });
        this.paragraph.append(sentence.text.slice(at, found), span);
        this.words.push({ span, start: word.start_s, end: word.end_s });
        at = found + word.text.length;
      }
      this.paragraph.append(sentence.text.slice(at));
    }
    this.paragraph.hidden = false;
  }

  follow(clock) {
    const isFollowed = this.clock !== null;
    this.clock = clock;
    if (!isFollowed) this.step();
  }

  still() {
    this.clock = null;
    this.mark(null);
  }

  step() {
    if (this.clock === null) return;
    const now = this.clock();
    this.mark(this.words.find((word) => now >= word.start && now < word.end)?.span ?? null);
    requestAnimationFrame(() => this.step());
  }

  mark(span) {
    if (span === this.marked) return;
    this.marked?.classList.remove("now");
    span?.classList.add("now");
    this.marked = span;
  }
}

export async function fault(reply) {
  try {
    return (await reply.json()).error.message;
  } catch {
    return `The server answered ${reply.status}.`;
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      if (block.startsWith("data: ")) yield JSON.parse(block.slice("data: ".length));
    }
  }
}

function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

function wav(parts, length) {
  const head = new DataView(new ArrayBuffer(44));
  const word = (at, text) => [...text].forEach((letter, n) => head.setUint8(at + n, letter.charCodeAt(0)));
  word(0, "RIFF");
  head.setUint32(4, 36 + 2 * length, true);
  word(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, RATE_HZ, true);
  head.setUint32(28, 2 * RATE_HZ, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  word(36, "data");
  head.setUint32(40, 2 * length, true);
  return new Blob([head, ...parts], { type: "audio/wav" });
}

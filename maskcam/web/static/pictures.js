// Live pictures of some cameras over one connection: a browser keeps six at most to a server, and this leaves room.

const retrySeconds = 2;
const blank = new Uint8Array(0);

export class Pictures {
  // draw(camera, bitmap) shows one picture; it may return a promise, and the next one waits for it: whatever this
  // browser cannot keep up with is passed over by the server.
  constructor(draw) {
    this.draw = draw;
    this.abort = null;
    this.wanted = "";
  }

  // Shows these cameras from now on and no others; `options` are those of /api/v1/live.
  show(cameras, options = {}) {
    const query = new URLSearchParams(options);
    for (const name of [...cameras].sort()) query.append("camera", name);
    const wanted = cameras.length ? query.toString() : "";
    if (wanted === this.wanted) return;
    this.stop();
    this.wanted = wanted;
    if (wanted) this.run(wanted, (this.abort = new AbortController()).signal);
  }

  stop() {
    this.abort?.abort();
    this.wanted = "";
  }

  async run(query, signal) {
    while (!signal.aborted) {
      try {
        const answer = await fetch(`/api/v1/live?${query}`, { signal });
        if (answer.status === 401) location.assign("/login");
        if (answer.ok) await this.read(answer.body.getReader(), signal);
      } catch {
        // lost, or stopped by us
      }
      if (!signal.aborted) await new Promise((resume) => setTimeout(resume, 1000 * retrySeconds));
    }
  }

  async read(reader, signal) {
    let waiting = blank;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting = join(waiting, value);
      for (let part = cut(waiting); part !== null && !signal.aborted; part = cut(waiting)) {
        waiting = waiting.subarray(part.end);
        const bitmap = await createImageBitmap(new Blob([part.jpeg], { type: "image/jpeg" })).catch(() => null);
        if (bitmap !== null && !signal.aborted) await this.draw(part.camera, bitmap);
        bitmap?.close();
      }
    }
  }
}

// Draws a picture into a canvas of its size.
export function paint(canvas, bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
}

function join(first, second) {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

// The first whole part: its head ends with an empty line and says how long the JPEG is.
function cut(bytes) {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 1000));
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
  const camera = decodeURIComponent(/x-camera: (\S+)/i.exec(text)?.[1] ?? "");
  const start = end + 4;
  if (bytes.length < start + length) return null;
  return { camera, jpeg: bytes.subarray(start, start + length), end: start + length };
}

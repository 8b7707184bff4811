// One camera, large.
import { Pictures, paint } from "./pictures.js";
import { watch } from "./webrtc.js";

export class Theatre {
  // names() lists the cameras in order; closed() is called when it closes.
  constructor({ names, closed }) {
    this.dialog = document.getElementById("theatre");
    this.names = names;
    this.camera = null;
    this.leave = () => {};
    this.hasWebrtc = document.querySelector(".live").dataset.webrtc === "true" && "RTCPeerConnection" in window;
    const canvas = this.dialog.querySelector("canvas");
    this.pictures = new Pictures((_, bitmap) => paint(canvas, bitmap));
    this.dialog.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
    for (const button of this.dialog.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => this.step(Number(button.dataset.step)));
    }
    this.dialog.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) this.step(step);
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // beside it
    });
    this.dialog.addEventListener("close", () => {
      this.camera = null;
      this.pictures.stop();
      this.leave();
      closed();
    });
  }

  get isOpen() {
    return this.camera !== null;
  }

  open(camera) {
    this.camera = camera;
    document.getElementById("onstage").textContent = camera;
    const canvas = this.dialog.querySelector("canvas");
    canvas.setAttribute("aria-label", `Live picture of ${camera}`);
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    for (const button of this.dialog.querySelectorAll("[data-step]")) button.hidden = this.names().length < 2;
    if (!this.dialog.open) this.dialog.showModal();
    this.showPictures();
    this.leave();
    if (this.hasWebrtc) this.tryWebrtc(camera);
  }

  showPictures() {
    this.pictures.show([this.camera], { width: 1280, quality: 90 });
  }

  // Pictures come at once, and video takes over where it gets through; when it breaks off, they come again.
  tryWebrtc(camera) {
    const video = this.dialog.querySelector("video");
    const canvas = this.dialog.querySelector("canvas");
    const show = (isVideo) => {
      video.hidden = !isVideo;
      canvas.hidden = isVideo;
    };
    this.leave = watch(camera, video, {
      playing: () => {
        show(true);
        this.pictures.stop();
      },
      lost: () => {
        show(false);
        if (this.camera === camera) this.showPictures();
      },
    });
  }

  step(by) {
    const names = this.names();
    if (names.length < 2) return;
    const here = names.indexOf(this.camera);
    this.open(names[(here + by + names.length) % names.length]);
  }
}

// One camera as video, by WebRTC.
import { ask } from "./server.js";

const patienceSeconds = 5;

// Shows a camera in a video element. Calls playing() with the first picture, and lost() once when there is none within
// some seconds, or no more. Returns a function that ends it.
export function watch(camera, video, { playing, lost }) {
  const connection = new RTCPeerConnection({ iceServers: [] }); // no server elsewhere is asked for anything
  let isOver = false;
  function end() {
    if (isOver) return;
    isOver = true;
    clearTimeout(patience);
    connection.close();
    video.srcObject = null;
    lost();
  }
  const patience = setTimeout(end, 1000 * patienceSeconds);
  connection.addEventListener("track", ({ streams, track }) => {
    video.srcObject = streams[0] ?? new MediaStream([track]);
    video.play().catch(end);
  });
  connection.addEventListener("connectionstatechange", () => {
    if (["failed", "disconnected", "closed"].includes(connection.connectionState)) end();
  });
  video.addEventListener("playing", () => {
    if (isOver) return;
    clearTimeout(patience);
    playing();
  }, { once: true });
  negotiate(connection, camera).catch(end);
  return end;
}

async function negotiate(connection, camera) {
  connection.addTransceiver("video", { direction: "recvonly" });
  await connection.setLocalDescription(await connection.createOffer());
  if (connection.iceGatheringState !== "complete") {
    await new Promise((resume) => {
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState === "complete") resume();
      });
      setTimeout(resume, 1500);
    });
  }
  const body = { sdp: connection.localDescription.sdp };
  const { sdp } = await ask(`/api/v1/cameras/${encodeURIComponent(camera)}/offer`, { method: "POST", body });
  await connection.setRemoteDescription({ type: "answer", sdp });
}

"""Plays a video in a real browser, for tests."""

import queue
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = """<video id="video" muted></video><script>
const say = text => fetch("/said?" + encodeURIComponent(text))
video.onerror = () => say("error: " + video.error.message)
video.onended = () => say(`${video.getVideoPlaybackQuality().totalVideoFrames} ${video.currentTime}`)
video.src = "/video.mp4"
video.playbackRate = 8
video.play().catch(error => say("error: " + error))
</script>"""


def play(chromium: str, video: Path, *, profile: Path) -> tuple[int, float]:
    """Plays to the end, at eight times the speed.

    Args:
        chromium: the program.
        video: an MP4.
        profile: an empty folder for the browser.

    Returns:
        The frames and the seconds that were played.
    """
    said: queue.Queue[str] = queue.Queue()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = "text/html", PAGE.encode()
            if self.path.startswith("/said?"):
                said.put(urllib.parse.unquote(self.path.partition("?")[2]))
            elif self.path == "/video.mp4":
                kind, body = "video/mp4", video.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever).start()
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--autoplay-policy=no-user-gesture-required", f"http://127.0.0.1:{server.server_port}/"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
            try:
                answer = said.get(timeout=60)
            finally:
                browser.terminate()
                server.shutdown()
    assert not answer.startswith("error"), answer
    frames, seconds = answer.split()
    return int(frames), float(seconds)

"""The dashboard and the API, on top of a `maskcam.service.Service` and an `EventStore`.

`app.create_app(context)` makes the application; `context.Context` holds all that a request may need; `server.run`
serves it. What follows is what whoever builds a page can rely on.

Routes
    Pages: `GET /` (live), `/violations`, `/violations/ID`, `/login`, `POST /logout`, `/api/docs`. JSON: everything
    under `/api/v1`, described in `/api/openapi.json`. For machines: `/healthz`, `/readyz` (both without logging in),
    `/metrics`. Files below `static/` are under `/static/`. A new page is a function in `pages.py` (or a router of its
    own that `create_app` includes) that takes `request: Request`, `context: Ctx` and `who: Viewer`, `Operator` or
    `Admin`, and returns `page(request, "name.html", who=who, ...)`. tests/web/test_roles.py has a table of all routes
    and roles: a route that is not in it fails there.

Templates
    `base.html` has the blocks `title`, `head`, `nav` and `main`. Every template is given `request`, `who` (a
    `roles.Principal` with `name` and `role`, None before logging in), `csrf`, `version` and `has_sites` (whether other
    sites forward to this store). `home.html` is given `cameras`, a list of `schemas.Camera`, and `webrtc`; `login.html`
    `has_password`, `is_wrong` and `wait_seconds`; `docs.html` `paths`, those of OpenAPI.
    `{% if who.role.covers("operator") %}` asks for a role: a role is its own text.

Scripts and styles
    The policy lets nothing run that is not a file below `static/`: no inline script, no inline style nor
    `style=`, no `onclick=`, no `data:` pictures; `blob:` pictures and videos are fine. Scripts are
    `<script src="/static/NAME.js" type="module"></script>` in the block `head`. Data for a script goes into `data-`
    attributes. From JavaScript, `element.style.x = ...` is allowed.

What scripts fetch
    The session's cookie goes with every `fetch` of the same origin; what changes something needs no token, since the
    browser's own `Sec-Fetch-Site` or `Origin` is checked. Forms that are posted have to send `csrf` as a hidden
    field. Errors are `{"error": "one sentence"}` with a fitting status; 401 means: go to /login; 429 and 503 come with
    Retry-After.

    `GET /api/v1/stream`: server-sent events (`new EventSource("/api/v1/stream")`, which connects again by itself).
        `numbers`, every second: `{is_running, fault, cameras: [{name, state, reason, off_duty, fps, captured_fps,
        latency_seconds, frames, dropped, reconnects, faces: {status: count}}]}`; cameras come and go with the
        configuration.
        `camera`, when the state of one changes: one such entry of `cameras`.
        `violation`, when one starts, changes or ends: `{key, camera, phase: started|updated|ended, status, track_id}`.
        The store has it within half a second; `key` is that of the event. Fetch the first page of events then.
    `GET /api/v1/events?limit=&cursor=&since=&until=&camera=&site=&status=&is_protected=&is_false_alarm=&is_open=`:
        `{events: [Event], next_cursor}`, newest first; `snapshot_url`, `face_url` and `clip_url` of an event are null
        where nothing is kept. `PATCH /api/v1/events/ID` takes `{is_protected, is_false_alarm}` (operator),
        `DELETE` (admin).
    `GET /api/v1/cameras`: `[Camera]`; `POST`, `PUT /NAME`, `DELETE /NAME` (admin) change the configuration file, too;
        `GET /NAME/picture?overlay=false` is a JPEG to draw zones on; `POST /NAME/probe` (operator) and `POST /probe`
        (admin) answer after some seconds what `maskcam doctor --json` says as `source`, and `advice`.
        Names go into addresses by `encodeURIComponent`.
    `GET /api/v1/cameras/NAME/faces`: `{size_wh, faces: [{track_id, box_xyxy, score, side, status, is_required}]}` of
        the last picture. `GET /api/v1/whatif?threshold=&dwell=&cameras=&since=&until=`: see `schemas.WhatIf`.
        `PUT /api/v1/settings/violations` (admin).
    `GET /api/v1/sites`: `[Site]`. The stream tells nothing of what other sites forward: ask again from time to time.
    `GET /api/v1/statistics?since=&until=&camera=&site=&per=hour|day`, `GET /api/v1/settings`, `GET /api/v1/me`,
    `/api/v1/tokens`, `/api/v1/users`, `POST /api/v1/reload`: see `schemas.py`.

    `server.js` (`ask`, `listen`, `announce`), `words.js` (times, durations, plates of statuses) and `pictures.js` are
    for all pages. `page.js`, on every page, writes `<time datetime="...">` in the reader's zone. `maskcam.css` has the
    colours and parts of all pages; a page brings a style sheet of its own in the block `head`.

Live pictures
    `live.hub.LiveHub`, a tap of the service, hands results to a thread per camera that somebody looks at, which draws
    and encodes them once per form. `GET /api/v1/live?camera=A&camera=B&width=&quality=` is the pictures of some cameras
    over one connection (a browser has six at most), for `pictures.js`; `GET /api/v1/cameras/NAME/live.mjpeg` is one
    camera for anybody; `POST /api/v1/cameras/NAME/offer` begins WebRTC. `service.latest(name)` is the last result.
    Whoever keeps a response open has to end it when `request.app.state.closing` (an `asyncio.Event`) is set, or the
    program takes two seconds longer to end.
"""

"""What is in `.deploy/`: checked as far as that goes without Docker."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types would be one more package

from maskcam.config import parse_config
from maskcam.sources.urls import fill_in
from tests.tools import require_tool

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / ".deploy"
IMAGES = ("Dockerfile", "Dockerfile.cuda")
USER = "10001"


def instructions(name: str) -> list[tuple[str, str]]:
    """Of a Dockerfile, in order: a name and the rest, lines that go on joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / name).read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1].strip()) for line in lines if line.strip()]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_as_nobody_special_and_says_how_it_is(name: str) -> None:
    steps = instructions(name)
    assert {step for step, _ in steps} <= {
        *(
            "FROM",
            "WORKDIR",
            "COPY",
            "RUN",
            "ENV",
            "USER",
            "VOLUME",
            "EXPOSE",
            "STOPSIGNAL",
            "HEALTHCHECK",
            "CMD",
        )
    }
    assert [rest for step, rest in steps if step == "USER"] == [f"{USER}:{USER}"]
    assert steps.index(("USER", f"{USER}:{USER}")) > max(
        i for i, (step, _) in enumerate(steps) if step == "RUN"
    )
    (health,) = [rest for step, rest in steps if step == "HEALTHCHECK"]
    assert health.count("/healthz") == 1
    program = json.loads(health.partition("CMD ")[2])
    compile(program[2], name, "exec")
    assert not re.search(r"(PASSWORD|SECRET|TOKEN)=", (DEPLOY / name).read_text())


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_built_of_what_is_there(name: str) -> None:
    steps = instructions(name)
    ignored = (DEPLOY / f"{name}.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for step, rest in steps:
        if step == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, f"{source} is left out by the .dockerignore"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', (DEPLOY / name).read_text())
    assert set(extras.split(",")) <= project["optional-dependencies"].keys()
    (version,) = {rest.split(":")[1].split("-")[0] for step, rest in steps if step == "FROM"}
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


@pytest.mark.parametrize("name", IMAGES)
def test_what_an_image_runs_is_a_command(name: str) -> None:
    (command,) = [json.loads(rest) for step, rest in instructions(name) if step == "CMD"]
    assert command[0] == "maskcam"
    done = subprocess.run(
        [sys.executable, "-m", "maskcam", *command[1:], "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_every_service_is_looked_after() -> None:
    services = compose()["services"]
    assert services.keys() == {"maskcam", "postgres", "mosquitto"}
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name
        assert not service["image"].endswith(":latest"), name
    assert services["maskcam"]["depends_on"].keys() == services.keys() - {"maskcam"}
    assert all(port.startswith("127.0.0.1:") for port in services["maskcam"]["ports"])
    assert "ports" not in services["postgres"]
    assert "ports" not in services["mosquitto"]
    compile(services["maskcam"]["healthcheck"]["test"][3], "compose.yaml", "exec")
    build = services["maskcam"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_volumes_and_secrets_are_declared_and_no_password_is_written_down() -> None:
    found = compose()
    named = {
        volume.partition(":")[0]
        for service in found["services"].values()
        for volume in service.get("volumes", ())
        if not volume.startswith((".", "/"))
    }
    assert named == found["volumes"].keys()
    assert found["secrets"] == {"db_password": {"environment": "DB_PASSWORD"}}
    for service in found["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name and not name.endswith("_FILE"):
                assert value.startswith("${"), name
                assert ":?" in value, f"{name} must be asked for where it is not set"
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/.deploy/.env", "/.deploy/config/"} <= set(ignored)


def test_the_example_is_a_configuration_for_these_services() -> None:
    file = DEPLOY / "config.example" / "maskcam.toml"
    config = parse_config(file.read_text(), {"serve.host": "0.0.0.0"}, name=file.name)
    services = compose()["services"]
    given = dict.fromkeys(services["maskcam"]["environment"], "x")
    assert config.store.url is not None
    assert config.mqtt is not None
    assert "@postgres/" in fill_in(config.store.url, given)
    assert fill_in(config.mqtt.url, given).endswith("@mosquitto")


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    tool = require_tool("systemd-analyze", package="systemd")
    text = (DEPLOY / "maskcam.service").read_text()
    program = tmp_path / "maskcam"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "maskcam.service"
    unit.write_text(text.replace("/opt/maskcam/bin/maskcam serve", f"{program} serve"))
    done = subprocess.run([tool, "verify", "--man=no", str(unit)], capture_output=True, text=True)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "maskcam" in line]
    assert not ours, "\n".join(ours)


def test_the_unit_gives_no_more_than_is_needed() -> None:
    text = (DEPLOY / "maskcam.service").read_text()
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] not in "#[")
    assert settings["Type"] == "notify"
    assert shlex.split(settings["ExecStart"])[1:] == ["serve"]
    assert settings["Restart"] == "on-failure"
    for name in ("DynamicUser", "NoNewPrivileges", "RestrictSUIDSGID", "PrivateTmp", "ProtectKernelModules"):
        assert settings[name] == "yes", name
    assert settings["ProtectSystem"] == "strict"
    assert settings["CapabilityBoundingSet"] == ""
    # violations are ended and written at the end, see maskcam/service.py
    assert int(settings["TimeoutStopSec"]) > 25
    assert int(settings["WatchdogSec"]) > 3 * 10, "a service counts as hanging after 10 s"

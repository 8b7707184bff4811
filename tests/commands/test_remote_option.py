"""`--classifier remote=URL`, and what `serve-model` refuses."""

import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from rich.console import Console

from maskcam.classifiers.base import RemoteState
from maskcam.commands.tables import watch_table
from maskcam.config import load_config
from maskcam.errors import ConfigError, InputError
from tests.certificates import make_certificate
from tests.cli import cut_clip, run_cli
from tests.remote.servers import FakeModel, fake_server


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", first=140, count=20)


def test_faces_of_a_recording_are_judged_by_the_server(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = FakeModel()
    with fake_server(model) as port:
        done = run_cli(
            capsys,
            "process",
            clip,
            "-o",
            tmp_path,
            "--no-video",
            "--classifier",
            f"remote=grpc://127.0.0.1:{port}",
        )
    assert done.code == 0, done.err
    assert f"Faces are judged by the model server at 127.0.0.1:{port} (mobilenet_v2)" in done.out
    assert model.sizes, "nothing came to the server"
    (found,) = json.loads((tmp_path / "summary.json").read_text())["inputs"]
    assert sum(found["statuses"].values()) > 0


def test_a_server_that_fails_is_told_and_changes_nothing(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = run_cli(capsys, "process", clip, "-o", tmp_path / "alone", "--no-video")
    assert alone.code == 0, alone.err
    model = FakeModel()
    model.fault = grpc.StatusCode.INTERNAL
    with fake_server(model) as port:
        url = f"remote=grpc://s3cret@127.0.0.1:{port}"
        done = run_cli(capsys, "process", clip, "-o", tmp_path, "--no-video", "--classifier", url)
    assert done.code == 0, done.err
    assert (tmp_path / "clip.events.jsonl").read_text() == (tmp_path / "alone/clip.events.jsonl").read_text()
    assert done.out.count("faces are judged on this machine until it answers") == 1
    assert "s3cret" not in done.out + done.err


@pytest.mark.parametrize(
    "command", [("watch", "0", "--headless"), ("process", "x.mp4", "-o", "out"), ("serve",)]
)
@pytest.mark.parametrize("value", ["mobilenet_v2", "remote=", "grpc://box:9100", "local=grpc://box"])
def test_another_kind_of_classifier_is_refused(
    command: tuple[str, ...], value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, *command, "--classifier", value)
    assert done.code == 2
    assert done.err.startswith("Error: --classifier takes remote=grpc://HOST:PORT")


def test_an_address_that_is_none_is_refused_without_its_token(capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "process", "x.mp4", "-o", "out", "--classifier", "remote=s3cret@box:9100")
    assert done.code == 2
    assert "classifier.remote: the address of a model server is grpc://HOST:PORT" in done.err
    assert "s3cret" not in done.err


def test_settings_of_a_file_name_the_line(tmp_path: Path) -> None:
    file = tmp_path / "maskcam.toml"
    file.write_text('[classifier]\nremote = "http://box"\n')
    with pytest.raises(ConfigError, match=r"line 2: classifier\.remote: .*grpc://HOST:PORT"):
        load_config(file)


def test_variables_fill_in_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    model.token = "s3cret"
    file = tmp_path / "maskcam.toml"
    with fake_server(model) as port:
        monkeypatch.delenv("MASKCAM_MODEL_TOKEN", raising=False)
        file.write_text(f'[classifier]\nremote = "grpc://${{TOKEN}}@127.0.0.1:{port}"\n')
        with pytest.raises(InputError, match="needs the environment variable TOKEN"):
            load_config(file).classifier.build(device="cpu")
        monkeypatch.setenv("TOKEN", "s3cret")
        with load_config(file).classifier.build(device="cpu") as classifier:
            assert classifier.remote is not None
            assert classifier.remote.is_up
        file.write_text(f'[classifier]\nremote = "grpc://127.0.0.1:{port}"\n')
        monkeypatch.setenv("MASKCAM_MODEL_TOKEN", "s3cret")
        with load_config(file).classifier.build(device="cpu") as classifier:
            assert classifier.remote is not None
            assert classifier.remote.is_up


def test_with_tls_the_certificate_is_checked(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    other, _ = make_certificate(tmp_path, "other")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    file = tmp_path / "maskcam.toml"

    def state(port: int, scheme: str, certificates: Path | None) -> RemoteState:
        trusted = "" if certificates is None else f'\nremote_certificates = "{certificates}"'
        file.write_text(f'[classifier]\nremote = "{scheme}://127.0.0.1:{port}"{trusted}\n')
        with load_config(file).classifier.build(device="cpu") as classifier:
            assert classifier.remote is not None
            return classifier.remote

    with fake_server(FakeModel(), credentials=credentials) as port:
        assert state(port, "grpcs", certificate).is_up
        for untrusted in (None, other):
            told = state(port, "grpcs", untrusted)
            assert not told.is_up
            assert "has a certificate that is not trusted here" in str(told.reason)
        assert not state(port, "grpc", None).is_up
        with pytest.raises(ConfigError, match=r"nothing would be encrypted: write grpcs://"):
            state(port, "grpc", certificate)
        with pytest.raises(
            ConfigError, match=r"classifier\.remote_certificates: cannot read certificates in"
        ):
            state(port, "grpcs", key)
        with pytest.raises(ConfigError, match=r"remote_certificates: .* No such file"):
            state(port, "grpcs", tmp_path / "none")


def test_without_grpc_one_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [
        name for name in sys.modules if name.startswith(("maskcam.remote", "maskcam.classifiers.remote"))
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "grpc", None)
    done = run_cli(capsys, "process", "samples/stills", "-o", tmp_path, "--classifier", "remote=grpc://box")
    assert done.code == 1
    assert "run `pip install 'maskcam[remote]'`" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("missing", ["ray", "grpc"])
def test_serving_without_ray_names_the_extra(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == missing else find(name, *rest)
    )
    done = run_cli(capsys, "serve-model")
    assert done.code == 1
    assert done.err == (
        f"Error: `maskcam serve-model` needs a Python package that is not installed ({missing}):"
        " run `pip install 'maskcam[cluster]'`\n"
    )


def test_other_machines_need_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MASKCAM_MODEL_TOKEN", raising=False)
    done = run_cli(capsys, "serve-model", "--host", "0.0.0.0")
    assert done.code == 2
    assert "on 0.0.0.0 other machines could use the model server, and no token is set" in done.err
    done = run_cli(capsys, "serve-model", "--token-file", tmp_path / "none")
    assert done.code == 2
    assert "cannot read the token" in done.err
    (tmp_path / "empty").write_text("\n")
    done = run_cli(capsys, "serve-model", "--token-file", tmp_path / "empty")
    assert "there is no token in" in done.err


def test_tls_needs_a_certificate_and_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, key = make_certificate(tmp_path)
    other, _ = make_certificate(tmp_path, "other")
    done = run_cli(capsys, "serve-model", "--certificate", certificate)
    assert done.code == 2
    assert done.err == "Error: TLS needs both: give --certificate FILE and --key FILE\n"
    for chain, secret in ((certificate, tmp_path / "none"), (other, key), (key, certificate)):
        done = run_cli(capsys, "serve-model", "--certificate", chain, "--key", secret)
        assert done.code == 2
        assert done.err.startswith(f"Error: cannot use the certificate {chain} with the key {secret}: ")
        assert done.err.count("\n") == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_told_at_once(address: str) -> None:
    # in a process of its own: what Ray imports does not live up to warnings being errors
    command = [sys.executable, "-m", "maskcam", "serve-model", "--cluster", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: there is no Ray cluster at {address}: --cluster takes HOST:PORT")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RemoteState("box:9100", True, None, 0, 12, 3), "12 faces judged by box:9100, 3 here"),
        (RemoteState("box:9100", False, "it sleeps", 1, 12, 3), "3 here, at present: it sleeps"),
    ],
)
def test_the_live_table_says_who_judges(state: RemoteState, words: str) -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(watch_table([], remote=state))
    assert words in " ".join(captured.get().split())

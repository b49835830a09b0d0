"""Start and stop a NiFi on the loopback. However the caller ends, nothing of it is left running."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import httpx
import psutil

from factory.nifi.server import Server as Address
from factory.nifi.server import UserPassword
from factory_embedded.folders import only_user_of
from factory_embedded.patience import Patience
from factory_embedded.ports import free_port
from factory_embedded.service import Cancelled, Connection, ServiceError, never
from factory_embedded.services.nifi import certificates
from factory_embedded.services.nifi.assemble import Distribution, distribution, java
from factory_embedded.supervise import supervised

READY_SECONDS = 240.0
STOP_SECONDS = 20.0

_CONF = Path(__file__).parent / "conf"
_USER = "factory"
_PAUSE = 0.25
_TAIL = 30
_TRIES = 3
_PORT_IS_TAKEN = "Address already in use"


@dataclass(frozen=True)
class _Settings:
    token_seconds: int
    properties: Mapping[str, str]


class Server:
    """A NiFi. It runs until the block of `running` ends, but for what a test does to it.

    ``address`` is what a client of `factory.nifi` takes. ``ca_file`` is the authority to trust,
    ``client_file`` a certificate with its key that NiFi takes in place of user and password.
    """

    def __init__(self, folder: Path, parts: Distribution, settings: _Settings, port: int) -> None:
        self.folder = folder
        self.parts = parts
        self.port = port or free_port()
        self.user = _USER
        self.password = secrets.token_urlsafe(18)
        self.ca_file = folder / "conf" / "ca.pem"
        self.client_file = folder / "conf" / "client.pem"
        self.log = folder / "logs" / "nifi-app.log"
        self._settings = settings
        self._fixed_port = bool(port)
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Without `/nifi` or `/nifi-api`."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def address(self) -> Address:
        """The NiFi and its user, for a client."""
        return Address(
            self.base_url, UserPassword(self.user, self.password), verify=str(self.ca_file)
        )

    @property
    def look(self) -> str:
        """Its canvas."""
        return f"{self.base_url}/nifi (user {self.user}, password {self.password})"

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it."""
        return Connection(
            "nifi",
            self.base_url,
            login=self.user,
            password=self.password,
            extra={"verify": str(self.ca_file)},
        )

    @property
    def driver(self) -> Path:
        """PostgreSQL's JDBC driver, which a flow can load."""
        return self.parts.driver

    @property
    def pid(self) -> int:
        """Of the Java process; 0 when it does not run."""
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process is not None:
                return next((c.pid for c in psutil.Process(self._process.pid).children()), 0)
        return 0

    def start(self, cancelled: Callable[[], bool] = never) -> None:
        """Start it, on the port and with the data that it had, and wait until it answers.

        Raises `ServiceError`, with the end of its log, when it does not.
        """
        try:
            for _ in range(_TRIES):
                if self._came_up(cancelled):
                    self._fixed_port = True
                    return
                self.stop()
                self.port = free_port()
            raise ServiceError("NiFi found no free port")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let it end as on SIGINT, or end it."""
        self._running.close()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut does."""
        if pid := self.pid:
            psutil.Process(pid).kill()
        self.stop()

    def _came_up(self, cancelled: Callable[[], bool]) -> bool:
        self.log.unlink(missing_ok=True)
        _configure(self, self._settings)
        output = self.folder / "logs" / "output.log"
        self._process = self._running.enter_context(
            supervised(
                _command(self),
                env=_environment(),
                cwd=self.folder,
                log=output,
                stop_seconds=STOP_SECONDS,
            )
        )
        patience = Patience(READY_SECONDS)
        with httpx.Client(
            base_url=f"{self.base_url}/nifi-api",
            verify=ssl.create_default_context(cafile=str(self.ca_file)),
            trust_env=False,
            timeout=30,
        ) as client:
            while not _answers(client, self.user, self.password):
                if cancelled():
                    raise Cancelled
                ended = self._process.poll() is not None
                if ended or patience.is_over:
                    tail = _tail(self.log, output)
                    if ended and _PORT_IS_TAKEN in tail and not self._fixed_port:
                        return False
                    state = "ended" if ended else f"did not answer in {patience.waited:.0f} s"
                    raise ServiceError(f"NiFi {state}; the end of its log in {self.log}:\n{tail}")
                time.sleep(_PAUSE)
        return True


@contextmanager
def running(
    folder: Path,
    *,
    port: int = 0,
    token_seconds: int = 8 * 3600,
    properties: Mapping[str, str] | None = None,
    cancelled: Callable[[], bool] = never,
) -> Iterator[Server]:
    """Run a NiFi on 127.0.0.1 until the block ends; its flow and its queues stay in ``folder``.

    ``token_seconds`` is how long a login lasts (NiFi takes 60 to 43,200); ``properties`` go
    before those of `conf/nifi.properties`. The first start ever downloads NiFi (see `assemble`).
    Raises `ServiceError`, and `Cancelled` once ``cancelled`` says so.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with only_user_of(folder, folder / ".lock"):
        (folder / "logs").mkdir(exist_ok=True)
        settings = _Settings(token_seconds, properties or {})
        server = Server(folder, distribution(cancelled), settings, port)
        server.start(cancelled)
        try:
            yield server
        finally:
            server.stop()
            # the unpacked NARs are the most of it, and come again
            shutil.rmtree(folder / "work", ignore_errors=True)


def _configure(server: Server, settings: _Settings) -> None:
    conf = server.folder / "conf"
    conf.mkdir(exist_ok=True)
    kept = _kept_secrets(conf)
    values = {
        **kept,
        "port": server.port,
        "lib": server.parts.lib,
        "login": server.parts.login,
        "user": server.user,
        "password": server.password,
        "token_seconds": settings.token_seconds,
    }
    for name in ("nifi.properties", "login-identity-providers.xml"):
        text = Template((_CONF / name).read_text("utf-8")).substitute(values)
        if name == "nifi.properties":
            text = _with_properties(text, settings.properties)
        (conf / name).touch(mode=0o600)
        (conf / name).write_text(text, "utf-8")
    for name in ("authorizers.xml", "logback.xml", "state-management.xml"):
        shutil.copy(_CONF / name, conf)


def _with_properties(text: str, added: Mapping[str, str]) -> str:
    # NiFi refuses a file that says two things about one property
    kept = [line for line in text.splitlines() if line.partition("=")[0] not in added]
    return "\n".join([*kept, *(f"{key}={value}" for key, value in added.items()), ""])


def _kept_secrets(conf: Path) -> dict[str, str]:
    """The password of the key stores, and the key of the flow's own secrets."""
    path = conf / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_hex(16) for name in ("store_password", "sensitive_key")}
        certificates.write(conf, made["store_password"])
        path.touch(mode=0o600)
        path.write_text(json.dumps(made))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _command(server: Server) -> list[str]:
    return [
        str(java()),
        *("-cp", f"{server.folder / 'conf'}{os.pathsep}{server.parts.lib}/*"),
        *("-Xms128m", "-Xmx512m", "-Djava.awt.headless=true", "-Duser.timezone=UTC"),
        # half the processor time of a start, and a quarter less memory
        *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
        f"-Dnifi.properties.file.path={server.folder / 'conf' / 'nifi.properties'}",
        f"-Dorg.apache.nifi.bootstrap.config.log.dir={server.folder / 'logs'}",
        f"-Dorg.apache.nifi.management.server.address=127.0.0.1:{free_port()}",
        *("--enable-native-access=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED"),
        "org.apache.nifi.NiFi",
    ]


def _environment() -> dict[str, str]:
    # options meant for another Java are not for this one
    dropped = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH")
    return {name: value for name, value in os.environ.items() if name not in dropped}


def _answers(client: httpx.Client, user: str, password: str) -> bool:
    """Whether a login works, and the flow is loaded."""
    try:
        login = client.post("/access/token", data={"username": user, "password": password})
        headers = {"Authorization": f"Bearer {login.text}"}
        client.cookies.clear()
        return (
            login.status_code == httpx.codes.CREATED
            and client.get("/flow/process-groups/root", headers=headers).is_success
        )
    except httpx.TransportError:
        return False


def _tail(*logs: Path) -> str:
    """The end of the logs, without the frames of Java's stacks."""
    texts = (log.read_text("utf-8", "replace") for log in logs if log.exists())
    lines = (_without_frames(text)[-_TAIL:] for text in texts)
    return "\n".join(line for some in lines for line in some)


def _without_frames(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("\t")]

"""Login, TLS, retries: over a real socket."""

import asyncio
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from factory.nifi import errors
from factory.nifi.calls import groups, processors, system
from factory.nifi.client import AsyncClient, Client, Shared
from factory.nifi.flow import Request, ask
from factory.nifi.server import BearerToken, ClientCertificate, Server, UserPassword, ui_link
from tests.nifi import certificates, fake
from tests.nifi.conftest import Orders
from tests.nifi.http_server import Reply

LOGIN = UserPassword(fake.USER, fake.PASSWORD)


@pytest.fixture
def waits() -> list[float]:
    return []


def _client(server: Server, waits: list[float]) -> Client:
    return Client(server, sleep=waits.append)


def test_logs_in_once_and_keeps_no_cookie(secure: fake.Running, pem: certificates.Files) -> None:
    group = secure.nifi.group("Orders")
    with Client(Server(secure.url, LOGIN, verify=pem.authority)) as client:
        assert client.run(system.version()) == "2.3.0"
        client.run(groups.schedule(group.id, "STOPPED"))
    assert secure.nifi.count("POST", "/access/token") == 1
    assert secure.nifi.cookies == []


def test_the_async_client_keeps_no_cookie(secure: fake.Running, pem: certificates.Files) -> None:
    group = secure.nifi.group("Orders")

    async def change() -> None:
        async with AsyncClient(Server(secure.url, LOGIN, verify=pem.authority)) as client:
            await client.run(system.version())
            await client.run(groups.schedule(group.id, "STOPPED"))

    asyncio.run(change())
    assert secure.nifi.cookies == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_the_environment_does_not_override_the_bundle(
    secure: fake.Running,
    pem: certificates.Files,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, pem.server)
    with Client(Server(secure.url, LOGIN, verify=pem.authority)) as client:
        assert client.run(system.version()) == "2.3.0"


def test_the_environment_does_not_make_an_unknown_authority_trusted(
    secure: fake.Running, pem: certificates.Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", pem.authority)
    with (
        Client(Server(secure.url, LOGIN, verify=pem.client)) as client,
        pytest.raises(errors.NotTrusted, match="unable to get local issuer certificate"),
    ):
        client.run(system.version())


def test_an_untrusted_certificate_is_asked_once(secure: fake.Running, waits: list[float]) -> None:
    with (
        _client(Server(secure.url, LOGIN), waits) as client,
        pytest.raises(errors.NotTrusted, match=r"no trusted connection to https://127\.0\.0\.1"),
    ):
        client.run(system.version())
    assert waits == []


def test_does_without_verification_where_told(secure: fake.Running) -> None:
    with Client(Server(secure.url, LOGIN, verify=False)) as client:
        assert client.run(system.version()) == "2.3.0"


def test_a_bundle_that_is_missing(secure: fake.Running) -> None:
    with pytest.raises(errors.NiFiError, match=r"'/no/such.pem' can't be read"):
        Client(Server(secure.url, verify="/no/such.pem"))


def test_a_client_certificate(pem: certificates.Files) -> None:
    with fake.serving(fake.tls(pem.server, pem.authority)) as served:
        served.nifi.certificate_login = True
        own = ClientCertificate(pem.client)
        with Client(Server(served.url, certificate=own, verify=pem.authority)) as client:
            assert client.run(system.version()) == "2.3.0"
        assert served.nifi.count("POST", "/access/token") == 0


def test_a_client_certificate_is_wanted_and_missing(
    pem: certificates.Files, waits: list[float]
) -> None:
    # asyncio, that the fake is made with, ends the connection without telling why
    with (
        _handshakes(fake.tls(pem.server, pem.authority)) as port,
        _client(Server(f"https://127.0.0.1:{port}", verify=pem.authority), waits) as client,
        pytest.raises(errors.NotTrusted, match="certificate required"),
    ):
        client.run(system.version())


@contextmanager
def _handshakes(context: ssl.SSLContext) -> Iterator[int]:
    """A server that shakes hands one time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join()


def test_tls_to_a_server_that_speaks_plain_http(running: fake.Running) -> None:
    url = running.url.replace("http://", "https://")
    with Client(Server(url)) as client, pytest.raises(errors.NotTrusted, match="speaks plain HTTP"):
        client.run(system.version())


def test_a_wrong_password(running: fake.Running, waits: list[float]) -> None:
    server = Server(running.url, UserPassword("labuser", "hunter-2"))
    with (
        _client(server, waits) as client,
        pytest.raises(errors.BadCredentials, match="refused user 'labuser'") as caught,
    ):
        client.run(system.version())
    assert "hunter-2" not in "".join(traceback.format_exception(caught.value))
    assert running.nifi.count("POST") == 1
    assert waits == []


def test_a_server_without_login(running: fake.Running) -> None:
    running.nifi.fault("POST", "/access/token", Reply(409, "not supported over HTTP"))
    with (
        Client(Server(running.url, LOGIN)) as client,
        pytest.raises(errors.NoLogin, match="takes no login by user and password"),
    ):
        client.run(system.version())


def test_a_nifi_that_signs_no_tokens_yet(orders: Orders) -> None:
    orders.nifi.fault("POST", "/access/token", fake.NO_KEY_YET, times=3)
    assert orders.client.run(system.version()) == "2.3.0"
    orders.nifi.expire_tokens()
    orders.nifi.fault("POST", "/access/token", fake.NO_KEY_YET, times=9)
    with pytest.raises(errors.Unreachable, match="answered 409 to POST /access/token, again"):
        orders.client.run(system.version())


def test_an_expired_token_is_renewed(orders: Orders) -> None:
    orders.client.run(system.version())
    orders.nifi.expire_tokens()
    assert orders.client.run(groups.look(orders.group.id)).name == "Orders"
    assert orders.nifi.count("POST", "/access/token") == 2


def test_a_change_refused_for_its_token_is_made_with_the_new_one(orders: Orders) -> None:
    orders.client.run(system.version())
    orders.nifi.expire_tokens()
    orders.client.run(groups.schedule(orders.group.id, "RUNNING"))
    assert orders.put.state == "RUNNING"


def test_a_token_that_is_never_taken(orders: Orders) -> None:
    orders.nifi.fault("GET", "/flow/about", Reply(401, "Unauthorized"), times=9)
    with pytest.raises(errors.TokenRefused, match="refused the token at once"):
        orders.client.run(system.version())
    assert orders.nifi.count("POST", "/access/token") == 2


def test_a_ready_token(running: fake.Running) -> None:
    running.nifi.tokens.add("given")
    with Client(Server(running.url, BearerToken("given"))) as client:
        assert client.run(system.version()) == "2.3.0"
        running.nifi.expire_tokens()
        with pytest.raises(errors.TokenRefused, match="has expired: put in a new one"):
            client.run(system.version())
    assert running.nifi.count("POST") == 0


def test_many_flows_log_in_once(running: fake.Running) -> None:
    server = Server(running.url, LOGIN)
    shared = Shared()

    async def one() -> str:
        async with shared.lease(server) as client:
            return await client.run(system.version())

    async def all_of_them() -> list[str]:
        async with shared.lease(server):
            first = await asyncio.gather(*(one() for _ in range(50)))
            running.nifi.expire_tokens()
            return first + await asyncio.gather(*(one() for _ in range(50)))

    assert asyncio.run(all_of_them()) == ["2.3.0"] * 100
    assert running.nifi.count("POST", "/access/token") == 2
    assert running.http.connections <= 60


def test_many_flows_try_a_wrong_password_once(running: fake.Running) -> None:
    server = Server(running.url, UserPassword("labuser", "wrong"))

    async def all_of_them() -> list[Any]:
        async with AsyncClient(server) as client:
            tries = (client.run(system.version()) for _ in range(20))
            return await asyncio.gather(*tries, return_exceptions=True)

    found = asyncio.run(all_of_them())
    assert all(isinstance(each, errors.BadCredentials) for each in found)
    assert running.nifi.count("POST", "/access/token") == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_reading_is_repeated(orders: Orders, status: int) -> None:
    orders.nifi.fault("GET", "/flow/about", Reply(status), times=3)
    assert orders.client.run(system.version()) == "2.3.0"
    assert orders.nifi.count("GET", "/flow/about") == 4


def test_repeats_end(orders: Orders) -> None:
    orders.nifi.fault("GET", "/flow/about", Reply(503), times=9)
    with pytest.raises(errors.Unreachable, match="answered 503 to GET /flow/about"):
        orders.client.run(system.version())
    assert orders.nifi.count("GET", "/flow/about") == 4


def test_waits_as_long_as_it_is_asked_to(running: fake.Running, waits: list[float]) -> None:
    running.nifi.fault("GET", "/flow/about", Reply(429, headers={"Retry-After": "7"}))
    with _client(Server(running.url, LOGIN), waits) as client:
        client.run(system.version())
    assert waits == [7.0]


def test_pauses_grow(running: fake.Running, waits: list[float]) -> None:
    running.nifi.fault("GET", "/flow/about", Reply(503), times=3)
    with _client(Server(running.url, LOGIN), waits) as client:
        client.run(system.version())
    first, second, third = waits
    assert 0.25 <= first <= 0.5 <= second <= 1 <= third <= 2


def test_a_broken_connection_is_repeated_when_reading(orders: Orders) -> None:
    orders.nifi.fault("GET", "/flow/about", Reply(lost=True), times=2)
    assert orders.client.run(system.version()) == "2.3.0"


def test_a_broken_connection_is_not_repeated_when_starting(orders: Orders) -> None:
    orders.nifi.fault("PUT", "/flow/process-groups", Reply(lost=True))
    with pytest.raises(errors.Unreachable) as caught:
        orders.client.run(groups.schedule(orders.group.id, "RUNNING"))
    assert caught.value.sent
    assert orders.nifi.count("PUT") == 1


def test_a_stop_is_repeated(orders: Orders) -> None:
    orders.nifi.fault("PUT", "/flow/process-groups", Reply(lost=True))
    orders.nifi.fault("PUT", "/flow/process-groups", Reply(409, "starting"))
    orders.client.run(groups.schedule(orders.group.id, "STOPPED"))
    assert orders.nifi.count("PUT") == 3


def test_nobody_listens(running: fake.Running, waits: list[float]) -> None:
    running.http.stop()
    with (
        _client(Server(running.url, LOGIN), waits) as client,
        pytest.raises(errors.Unreachable, match="Is NiFi running") as caught,
    ):
        client.run(system.version())
    assert not caught.value.sent
    assert len(waits) == 3


def test_what_the_caller_handles_is_no_reason(running: fake.Running) -> None:
    running.http.stop()
    with Client(Server(running.url, attempts=1)) as client:
        try:
            raise OSError(1, "something else")
        except OSError:
            with pytest.raises(errors.Unreachable, match="Connection refused"):
                client.run(system.version())


def test_a_server_that_does_not_answer_in_time(running: fake.Running) -> None:
    running.nifi.fault("POST", "/access/token", Reply(delay=3), times=2)
    server = Server(running.url, LOGIN, timeout=0.1, attempts=2)
    with (
        Client(server, sleep=lambda _: None) as client,
        pytest.raises(errors.Unreachable, match="timed out"),
    ):
        client.run(system.version())


def test_a_409_elsewhere_is_an_answer(orders: Orders) -> None:
    orders.nifi.fault("PUT", "/run-status", Reply(409, "it is disabled"))
    with pytest.raises(errors.Conflict, match="it is disabled"):
        orders.client.run(processors.set_state(orders.put.id, "RUNNING"))
    assert orders.nifi.count("PUT") == 1


def test_a_stale_revision_is_fetched_anew(orders: Orders) -> None:
    orders.nifi.fault("PUT", "/run-status", Reply(400, "not the most up-to-date revision"), times=2)
    orders.put.state = "RUNNING"
    orders.client.run(processors.stop(orders.put.id))
    assert orders.put.state == "STOPPED"
    assert orders.nifi.count("GET", "/processors/") == 3


def test_a_revision_that_is_always_stale(orders: Orders) -> None:
    orders.nifi.fault("PUT", "/run-status", Reply(400, "not the most up-to-date revision"), times=9)
    orders.put.state = "RUNNING"
    with pytest.raises(errors.StaleRevision, match="at the same time"):
        orders.client.run(processors.stop(orders.put.id))


def test_a_node_that_left_its_cluster(orders: Orders) -> None:
    orders.nifi.disconnected = True
    with pytest.raises(errors.NodeDisconnected, match="has left its cluster"):
        orders.client.run(groups.schedule(orders.group.id, "STOPPED"))
    assert not orders.client.run(system.cluster()).member


def test_a_disconnected_node_is_changed_on_request(running: fake.Running) -> None:
    nifi = running.nifi
    put = nifi.processor(nifi.group("Orders"), "Put")
    nifi.disconnected = True
    with Client(Server(running.url, LOGIN, acknowledge_disconnected=True)) as client:
        client.run(groups.schedule(put.group, "RUNNING"))
        client.run(processors.terminate(put.id))
    assert put.state == "RUNNING"


def test_a_user_who_may_not(orders: Orders) -> None:
    orders.nifi.forbidden = True
    with pytest.raises(errors.Refused, match="give user 'labuser' the policies"):
        orders.client.run(groups.schedule(orders.group.id, "STOPPED"))


def test_a_proxys_page(orders: Orders) -> None:
    orders.nifi.fault("GET", "/flow/about", Reply(200, "<html>Log in</html>"))
    with pytest.raises(errors.UnexpectedAnswer, match="proxy's login page"):
        orders.client.run(system.version())


def test_a_redirect_is_not_followed(orders: Orders) -> None:
    elsewhere = Reply(302, headers={"Location": "http://127.0.0.1:1/"})
    orders.nifi.fault("GET", "/flow/about", elsewhere)
    with pytest.raises(errors.UnexpectedAnswer, match="it sends elsewhere"):
        orders.client.run(system.version())


def test_no_secret_is_shown(
    orders: Orders, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    client = orders.client
    orders.nifi.fault("GET", "/flow/about", Reply(lost=True), times=9)
    with pytest.raises(errors.Unreachable) as caught:
        client.run(system.version())
    (token,) = orders.nifi.tokens
    error: BaseException | None = caught.value
    while error is not None:
        assert not hasattr(error, "request")
        error = error.__cause__ or error.__context__
    shown = [caplog.text, repr(client), repr(vars(client)), repr(orders.server), repr(LOGIN)]
    shown += traceback.format_exception(caught.value)
    assert "Set-Cookie" in caplog.text
    assert not any(secret in text for text in shown for secret in (token, fake.PASSWORD))


def test_servers_are_compared_by_what_they_are(orders: Orders) -> None:
    assert hash(orders.server) == hash(Server(orders.server.url, LOGIN, timeout=5))


@pytest.mark.parametrize(
    "url", ["https://n:8443", "https://n:8443/nifi/", "https://n:8443/nifi-api"]
)
def test_addresses(url: str) -> None:
    assert Server(url).api == "https://n:8443/nifi-api"
    assert ui_link(Server(url).base, "id", 2) == "https://n:8443/nifi/#/process-groups/id"
    assert ui_link(Server(url).base, "id", 1) == "https://n:8443/nifi/?processGroupId=id"


@pytest.mark.parametrize("url", ["nifi:8443", "ftp://nifi", "https://u:secret@nifi"])
def test_no_addresses(url: str) -> None:
    with pytest.raises(errors.NiFiError) as caught:
        Server(url)
    assert "secret" not in str(caught.value)


def test_a_flow_gets_the_error_where_it_asked(orders: Orders) -> None:
    def flow() -> Any:
        try:
            yield from ask(Request("GET", "/processors/none"))
        except errors.Missing as error:
            return error.status
        return None

    assert orders.client.run(flow()) == 404

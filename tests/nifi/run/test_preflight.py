"""What keeps a run from beginning; nothing is changed by any of it."""

import json

import pytest

from factory.nifi import errors
from factory.nifi.job import Job, Prepared
from tests.nifi import fake
from tests.nifi.conftest import Orders
from tests.nifi.driving import prepare
from tests.nifi.http_server import Reply


def _prepare(orders: Orders, job: Job) -> Prepared:
    return orders.client.run(prepare(orders.server, job))[0]


@pytest.fixture(autouse=True)
def _changes_nothing(orders: Orders) -> None:
    for method in ("PUT", "DELETE", "POST"):
        orders.nifi.fault(method, "/(flow|process|param|control)", Reply(599), times=99)


@pytest.mark.parametrize("group", ["Lake/Orders", "/Lake/Orders/", "Lake / Orders"])
def test_finds_a_group_by_its_path(orders: Orders, group: str) -> None:
    prepared = _prepare(orders, Job(group))
    assert prepared.group_id == orders.group.id
    assert prepared.link == f"{orders.server.url}/nifi/#/process-groups/{orders.group.id}"
    assert len(orders.nifi.calls) == 4


def test_finds_a_group_by_its_id(orders: Orders) -> None:
    assert _prepare(orders, Job(orders.group.id)).name == "Orders"
    assert len(orders.nifi.calls) == 3


def test_finds_a_name_with_a_slash(orders: Orders) -> None:
    group = orders.nifi.group("In/Out", orders.group.parent)
    orders.nifi.processor(group, "Put")
    assert _prepare(orders, Job("Lake/In//Out")).group_id == group.id


def test_the_same_name_in_two_places_is_told_apart_by_the_path(orders: Orders) -> None:
    orders.nifi.group("Orders", orders.nifi.group("Archive").id)
    assert _prepare(orders, Job("Lake/Orders")).group_id == orders.group.id


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("Lake/Oders", "no process group 'Oders' in Lake .* Did you mean 'Orders'"),
        ("lake/Orders", "no process group 'lake' in the root .* Did you mean 'Lake'"),
        ("Lake/Quite other", "There are: Orders"),
        ("Lake/Orders/Inner", "There are none"),
        ("//", "no process group '/'"),
        ("", "is no path of a process group"),
        ("00000000-0000-1000-0000-00000000ffff", "has no process group with id .*ffff"),
    ],
)
def test_an_unknown_group(orders: Orders, path: str, message: str) -> None:
    with pytest.raises(errors.UnknownGroup, match=message):
        _prepare(orders, Job(path))


def test_groups_that_may_not_be_read_are_counted(orders: Orders) -> None:
    orders.group.readable = False
    with pytest.raises(errors.UnknownGroup, match="1 more are not readable by this user"):
        _prepare(orders, Job("Lake/Orders"))


def test_two_groups_of_one_path(orders: Orders) -> None:
    other = orders.nifi.group("Orders", orders.nifi.group("Lake").id)
    with pytest.raises(errors.AmbiguousGroup, match="2 process groups") as caught:
        _prepare(orders, Job("Lake/Orders"))
    assert caught.value.ids == (orders.group.id, other.id)
    assert other.id in str(caught.value)


def test_a_group_that_runs(orders: Orders) -> None:
    orders.put.state = "RUNNING"
    with pytest.raises(errors.AlreadyRunning, match=r"1 components of .*Lake/Orders.* run already"):
        _prepare(orders, Job("Lake/Orders"))


def test_a_group_with_nothing_to_run(orders: Orders) -> None:
    orders.put.state = orders.source.state = "DISABLED"
    with pytest.raises(errors.CannotStart, match="nothing to run: 2 components are disabled"):
        _prepare(orders, Job("Lake/Orders"))


def test_flow_files_of_an_earlier_run(orders: Orders) -> None:
    orders.group.before = fake.Load(queued=7)
    with pytest.raises(errors.QueueNotEmpty, match="7 flow files of an earlier run"):
        _prepare(orders, Job("Lake/Orders"))
    prepared = _prepare(orders, Job("Lake/Orders", queue_before="accept"))
    assert prepared.notes == ("7 flow files of an earlier run are worked off too",)


def test_an_invalid_processor(orders: Orders) -> None:
    orders.put.errors.append("'Bucket' is invalid because Bucket is required")
    with pytest.raises(errors.InvalidProcessors) as caught:
        _prepare(orders, Job("Lake/Orders", services="leave"))
    told = str(caught.value)
    assert f"'Put' ({orders.put.id}): 'Bucket' is invalid because Bucket is required" in told
    assert "so nothing was started" in told


def test_what_may_become_valid_with_its_service_passes(orders: Orders) -> None:
    orders.put.errors.append("Controller Service is disabled")
    assert _prepare(orders, Job("Lake/Orders")).name == "Orders"


def test_sources(orders: Orders) -> None:
    prepared = _prepare(orders, Job("Lake/Orders", source="run_once", sources=("Query",)))
    assert prepared.sources == {"Query": orders.source.id}
    with pytest.raises(errors.UnknownProcessor, match=r"no processor 'Qery'. Did you mean 'Query'"):
        _prepare(orders, Job("Lake/Orders", source="run_once", sources=("Qery",)))
    orders.nifi.processor(orders.group, "Query")
    with pytest.raises(errors.Ambiguous, match="2 processors are named 'Query'"):
        _prepare(orders, Job("Lake/Orders", source="drain", sources=("Query",)))


def test_a_source_that_is_disabled(orders: Orders) -> None:
    orders.source.state = "DISABLED"
    with pytest.raises(errors.CannotStart, match=r"the source 'Query' .* is disabled"):
        _prepare(orders, Job("Lake/Orders", source="run_once", sources=("Query",)))


def test_failure_connections(orders: Orders) -> None:
    inner = orders.nifi.group("Inner", orders.group.id)
    failed = orders.nifi.connection(orders.group, "Put", "failure", "Funnel")
    deep = orders.nifi.connection(inner, "Validate", "failure", "Funnel")
    names = ("Put/failure", deep.id)
    assert _prepare(orders, Job("Lake/Orders", failure_connections=names)).failures == (
        (failed.id, "Put → Funnel (failure)"),
        (deep.id, "Validate → Funnel (failure)"),
    )
    assert len(_prepare(orders, Job("Lake/Orders", failure_connections=("failure",))).failures) == 2
    with pytest.raises(errors.UnknownConnection, match="Did you mean 'failure'"):
        _prepare(orders, Job("Lake/Orders", failure_connections=("failur",)))


def test_parameters(orders: Orders) -> None:
    orders.nifi.parameters(orders.group, ["key"], day="2024-01-01", key="hidden", other="x")
    job = Job("Lake/Orders", {"day": "2024-01-02", "key": "new"})
    prepared = _prepare(orders, job)
    assert prepared.context
    assert {each.name: each.value for each in prepared.context.parameters} == {
        "day": "2024-01-01",
        "key": None,
    }
    with pytest.raises(errors.UnknownParameter, match=r"no parameter 'dya'. Did you mean 'day'"):
        _prepare(orders, Job("Lake/Orders", {"dya": "2024-01-02"}))


def test_parameters_without_a_context(orders: Orders) -> None:
    with pytest.raises(errors.UnknownParameter, match=r"no parameter context. Create one .* day"):
        _prepare(orders, Job("Lake/Orders", {"day": "2024-01-02"}))


def test_what_it_finds_travels(orders: Orders) -> None:
    orders.nifi.parameters(orders.group, day="2024-01-01")
    orders.nifi.connection(orders.group, "Put", "failure", "Funnel")
    orders.nifi.bulletin(orders.group, "old", "WARNING")
    job = Job(
        "Lake/Orders",
        {"day": "2024-01-02"},
        source="run_once",
        sources=("Query",),
        failure_connections=("failure",),
    )
    prepared = _prepare(orders, job)
    assert prepared.marks == {"": (0, "00:00:00 UTC")}
    assert Prepared.from_dict(json.loads(json.dumps(prepared.to_dict()))) == prepared

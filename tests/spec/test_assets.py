import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.spec import assets


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("airflow://x", "Airflow keeps the scheme of 'airflow://x' for itself"),
        ("AIRFLOW://x", "Airflow keeps the scheme of 'AIRFLOW://x' for itself"),
        ("  ", "an asset without a name"),
        ("table://w/x ", "'table://w/x ' begins or ends with a blank"),
        ("table://w/\tx", "'table://w/\\tx' begins or ends with a blank, or holds a control"),
        ("table://w/größe", "'table://w/größe' holds characters that are not ASCII"),
        ("self", "Airflow keeps the name 'self' for itself"),
        ("http://[::1", "'http://[::1' is no address: Invalid IPv6 URL"),
        ("s3://b/{{ ds }}", "'s3://b/{{ ds }}' is a template, which nobody fills in here"),
        ("s3://b/x?q=" + "," * 1000, "the asset has 3,011 characters"),
    ],
)
def test_what_airflow_refuses(uri: str, message: str) -> None:
    with pytest.raises(assets.Refused) as caught:
        assets.normalized(uri)
    assert str(caught.value).startswith(message)
    assert caught.value.expected


def test_the_hint_for_an_address_that_is_not_ascii_is_right() -> None:
    with pytest.raises(assets.Refused) as caught:
        assets.normalized("table://w/raw/größe")
    assert caught.value.hint == "did you mean 'table://w/raw/gr%C3%B6%C3%9Fe'?"
    assert assets.normalized("table://w/raw/gr%C3%B6%C3%9Fe")


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("postgres://h/d/s/t", True),
        ("postgresql://h:5433/d/s/t/", True),
        ("postgres://h/s/t", False),
        ("postgres:///d/s/t", False),
        ("postgres://h:port/d/s/t", False),
        ("table://h/t", True),
        ("mysql://h", True),  # of a provider that may not be there
    ],
)
def test_what_a_provider_refuses(uri: str, accepted: bool) -> None:
    problems = list(assets.problems(iter([((), uri)]), assets.require_provided))
    assert bool(problems) is not accepted


SAME = [
    ("table://w/raw/orders", "TABLE://W//Raw/orders/"),
    ("table://w/orders", "table://w/public/orders"),
    ("file:///data/x", "file:/data/x"),
    ("file:///data/x", "file://localhost/data/x"),
    ("s3://b/a%20b", "s3a://b/a b"),
    ("postgres://h/d/s/t", "postgresql://h:5432/d/s/t"),
    ("mysql://h:3306/d/t", "mariadb://h/d/t"),
    ("orders", "Orders/"),
]
NEAR = [
    ("table://w/raw/orders", "table://w/raw/order"),
    ("table://w/raw/orders", "table://w/raw/oredrs"),
    ("table://w/raw/orders", "table://w/raw/ordars"),
]
OTHERS = [
    ("table://w/raw/orders", "table://w/raw/orders2"),
    ("table://w/raw/orders_2023", "table://w/raw/orders_2024"),
    ("table://w/raw/orders", "table://w/raw/invoices"),
    ("table://w/raw/orders", "s3://w/raw/orders"),
    ("table://w/raw/orders", "table://w/raw/orders/daily"),
    ("table://w/a/x", "table://w/a/y"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_other_spellings_of_one_address(one: str, other: str) -> None:
    assert assets.folded(one) == assets.folded(other)


@pytest.mark.parametrize(("one", "other"), [*SAME, *NEAR])
def test_what_is_near(one: str, other: str) -> None:
    assert assets.is_near(one, other)
    assert assets.is_near(one, other) == assets.is_near(other, one)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_what_is_not_near(one: str, other: str) -> None:
    assert not assets.is_near(one, other)
    assert not assets.is_near(other, one)


WORD = st.text("abc1", min_size=2, max_size=8)
ADDRESS = st.builds("table://{}/{}".format, WORD, WORD)


@settings(max_examples=2000, deadline=None)
@given(ADDRESS, ADDRESS)
def test_near_addresses_share_a_key(one: str, other: str) -> None:
    if assets.is_near(one, other) and assets.folded(one) != assets.folded(other):
        assert set(assets.slips(one)) & set(assets.slips(other))


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_each_slip_shares_a_key(one: str, other: str) -> None:
    assert set(assets.slips(one)) & set(assets.slips(other))

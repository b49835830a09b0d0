"""Where files are kept: one module a store, opened by an address and by nothing else.

A store of another package is a module with `place(uri) -> Place`, under the entry-point group
`dag_factory.stores`, by the scheme of its addresses. To ask which stores there are imports none.

One that one logs in to says `CONNECTS = True`, and is given a second argument: a function that
makes the client of an Airflow connection, by its id. Airflow's room brings it (`Connect`).
"""

from __future__ import annotations

import importlib
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from factory import extras, registry
from factory.diagnostics import Path, did_you_mean
from factory.errors import FactoryError
from factory.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any

    from factory.stores.model import Place

    Connect = Callable[[str, str], Any]
    """The client of a scheme and a connection's id. Made when it is first needed."""

GROUP = "stores"


class Builtin(NamedTuple):
    """One of our stores.

    :param whole: what its addresses begin with that tasks in several processes see, as a pattern;
        empty when they see none.
    :param form: how one is written, for people.
    :param login: what the address of its Airflow connection may look like.
    """

    module: str
    whole: str = ""
    form: str = ""
    login: str = ""

    @property
    def login_ends(self) -> str:
        """What stands behind the connection's id in an address."""
        return "@" if "conn_id@" in self.form else "/"


# a template may give it
_BUCKET = r"([\w.-]+@)?([A-Za-z0-9][\w.-]*(/|$|\{)|\{)"
BUILTIN = {
    "file": Builtin("factory.stores.disk", "file:///", "file:///folder/name"),
    "gs": Builtin(
        "factory.stores.gcs",
        f"gs://{_BUCKET}",
        "gs://bucket/key, or gs://conn_id@bucket/key",
        "google-cloud-platform:///?key_path=/path/key.json",
    ),
    "memory": Builtin("factory.stores.memory"),
    "s3": Builtin(
        "factory.stores.s3",
        f"s3://{_BUCKET}",
        "s3://bucket/key, or s3://conn_id@bucket/key",
        "aws://access_key:secret_key@/?region_name=eu-west-1",
    ),
    "sftp": Builtin(
        "factory.stores.sftp",
        r"sftp://([\w.-]+(/|\{)|\{)",
        "sftp://conn_id/path, or sftp://conn_id/~/path",
        "sftp://login:password@host",
    ),
}
"""By scheme."""

_KEYS = re.compile(r"://[^/@]*:[^/@]*@")
_LOGIN = re.compile(r"^([a-z][a-z0-9+.-]*://)[\w.-]+@")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_SHARED = {scheme: one for scheme, one in BUILTIN.items() if one.whole}
_OURS = "|".join(one.whole for one in _SHARED.values())
_OTHERS = rf"(?!({'|'.join(BUILTIN)}):){_SCHEME.pattern}"
ADDRESS = rf"^({_OURS}|{_OTHERS}|.*\{{\{{)"
"""The pattern of an address in a store, whole or templated. A schema knows ours, and whether
another has a scheme at all; which others there are, `problems` asks the registry.
"""


class UnknownStore(FactoryError):
    """An address that no store has."""


def open_uri(uri: str, connect: Connect | None = None) -> Place:
    """The place in a store that an address names.

    :param connect: logs in to what one logs in to; without, such a store is refused.
    :raises UnknownStore: no store has addresses of this scheme.
    :raises FactoryError: the store's module does not load, or refuses the address.
    """
    scheme = scheme_of(uri)
    if scheme in BUILTIN:
        module = _imported(uri, BUILTIN[scheme].module)
    elif scheme in registry.outside(GROUP):
        module = registry.load(GROUP, scheme)
    else:
        raise UnknownStore(f"{without_keys(uri)!r} is in no store that is known")
    if not hasattr(module, "place"):
        name = getattr(module, "__name__", module)
        raise FactoryError(f"the module {name} is not a store: it has no `place`")
    if not getattr(module, "CONNECTS", False):
        place: Place = module.place(uri)
        return place
    if connect is None:
        raise FactoryError(f"{uri!r} is reached by a connection, and none is known here")
    reached: Place = module.place(uri, partial(connect, scheme))
    return reached


def _imported(uri: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        said = f"{without_connection(uri)!r} needs {missing.name}, which is not installed"
        raise FactoryError(said, extras.hint(missing)) from missing


def is_address(uri: str) -> bool:
    """Does it begin as an address of a store does that tasks share? Asks no store."""
    # Packages are looked up only for what is none of ours: that costs as much as 60 specs.
    if re.match(_OURS, uri):
        return True
    scheme = scheme_of(uri)
    return scheme not in BUILTIN and scheme in registry.outside(GROUP)


def beginnings() -> str:
    """What addresses begin with, for people: `file:/// or acme://`."""
    known = (*_SHARED, *sorted(registry.outside(GROUP)))
    return " or ".join("file:///" if scheme == "file" else f"{scheme}://" for scheme in known)


def problems(uri: str, place: Path, *, of_pipeline: bool = False) -> Iterator[Problem]:
    """An address that is in no store. What begins with a template may become any."""
    if uri.startswith(("{{", "{%")) or is_address(uri):
        return
    scheme = scheme_of(uri)
    known = {*_SHARED, *registry.outside(GROUP)}
    yield Problem(
        place,
        "address",
        f"no store has the address {without_keys(uri)!r}",
        expected=f"an address that begins with {beginnings()}",
        hint=f"write {_SHARED[scheme].form}" if scheme in _SHARED else did_you_mean(scheme, known),
        of_pipeline=of_pipeline,
    )


def without_keys(uri: str) -> str:
    """The address without a login and its password, where somebody wrote such."""
    return _KEYS.sub("://…@", uri)


def without_connection(uri: str) -> str:
    """The address of the same data for everybody: `s3://lake/x` of `s3://conn_id@lake/x`."""
    return _LOGIN.sub(r"\1", uri)


def scheme_of(uri: str) -> str:
    """`file` of `file:///data`; empty when it has none."""
    found = _SCHEME.match(uri)
    return found[1] if found else ""

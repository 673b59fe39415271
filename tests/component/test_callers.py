# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may call what is the golden table tests/idl/callers: it is what each daemon's rows say, what the interfaces' texts promise, and what
really happens to each of the daemons' users and to a stranger.

After a wanted change: HAGW_IDL_UPDATE=1 pytest tests/component/test_callers.py writes it anew; the diff is for the review."""

import os
import re

import pytest
from conftest import ROOT, calls_as
from test_idl import DAEMONS, listen

GOLDEN = ROOT / "tests/idl/callers"
USERS = ["dnsd", "netd", "keyd", "acmed", "proxyd", "webd", "tenantd", "nobody"]
DENIED = "org.varlink.service.PermissionDenied"


def read():
    """{method: users without "root", which may always}"""
    return {line.split()[0]: line.split()[2:] for line in GOLDEN.read_text().splitlines() if not line.startswith("#")}


def write(rows):
    every = {**read(), **rows} if GOLDEN.exists() else rows
    width = max(map(len, every)) + 2
    lines = [f"{method:{width}}root {' '.join(users)}".rstrip() for method, users in sorted(every.items())]
    GOLDEN.write_text("# SPDX-License-Identifier: LGPL-2.1-or-later\n" + "\n".join(lines) + "\n")


def interface(name):
    """{method: (its comment, parameters of the right types, whether it wants `more`)} of tests/idl/NAME.varlink"""
    text, found = (ROOT / f"tests/idl/{name}.varlink").read_text(), {}
    for comment, method, inputs in re.findall(r"((?:^#.*\n)*)^method (\w+)\(((?:[^()]|\([^()]*\))*)\) ->", text, re.M):
        inputs = re.sub(r"^\s*#.*$", "", inputs, flags=re.M)
        fields = dict(re.findall(r"(\w+): *([^,]+?)\s*(?:,|$)", inputs))
        found[f"{name}.{method}"] = (comment, {k: value(t, text) for k, t in fields.items()}, "'more' flag]" in comment)
    return found


def value(kind, text):
    """Something of that type, that is of no use to any method."""
    if kind.startswith("?"):
        return None
    if kind.startswith("["):
        return []
    words = re.search(rf"^type {kind} ?\(\s*(?:#.*\s+)*(\w+)\s*[,)]", text, re.M)
    return words[1] if words else {"string": "?", "int": 1, "bool": False}[kind]


def start(house, row):
    name, own, sockets = row
    handed = {fd_name: [listen(house.runtime / fd_name)] for fd_name in sockets}
    (house.root / "resolv.conf").write_text("nameserver 127.0.0.5\noptions attempts:1 timeout:1\n")
    return house.daemon(name, own, sockets=handed, env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf")})


@pytest.fixture(params=DAEMONS, ids=[row[0] for row in DAEMONS])
def daemon(request, house):
    return start(house, request.param)


def test_rows(daemon):
    rows = {method: users.split() for method, users in re.findall(r"(io\.hagw\S+) is for root((?: hagw-\w+)*)\.\n", daemon.text())}
    if os.environ.get("HAGW_IDL_UPDATE"):
        write(rows)
    assert rows == {method: users for method, users in read().items()
                    if method.startswith((f"{daemon.interface}.", "io.hagw.Service."))}
    # Each method of the interfaces has its row, and none else.
    assert rows.keys() == interface(daemon.interface).keys() | interface("io.hagw.Service").keys()


@pytest.mark.parametrize("row", DAEMONS, ids=[row[0] for row in DAEMONS])
def test_texts(row):
    """Where an interface's text says who may call, it is right."""
    for method, (comment, _, _) in interface(row[1]).items():
        for said in re.findall(r"\b(Root|(?:hagw-\w+|root)(?:(?:, | and )(?:hagw-\w+|root))*) only\.", comment):
            named = set(re.findall(r"hagw-\w+", said))
            assert named == set(read()[method]), f"{method}: {said}"


@pytest.mark.parametrize("user", USERS)
def test_callers(daemon, house, hagw_users, user):
    """Those who may are not refused, whatever else is wrong with what they ask; nobody else gets further than that."""
    if user == daemon.name:
        pytest.skip("a daemon's own user may always")
    house.open_to_all()
    daemon.path.chmod(0o666)
    methods = {**interface(daemon.interface), **interface("io.hagw.Service")}
    calls = [(method, parameters, more) for method, (_, parameters, more) in methods.items()]
    answers = dict(zip(methods, calls_as(hagw_users[user], daemon.path, calls), strict=True))
    assert {method for method, answer in answers.items() if answer != DENIED} == {m for m in methods if f"hagw-{user}" in read()[m]}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interfaces that the daemons really export are, letter by letter, the golden files in tests/idl/.

After a wanted change: HAGW_IDL_UPDATE=1 pytest tests/component/test_idl.py writes them anew; the diff is for the review."""

import os
import socket

import pytest

from conftest import BUILD, ROOT

# A daemon, its interface, and the sockets without which it does not start: one row each.
DAEMONS = [
    ("acmed", "io.hagw.Acme", []),
    ("dnsd", "io.hagw.Dns", []),
    ("keyd", "io.hagw.Key", []),
    ("netd", "io.hagw.Net", []),
    ("proxyd", "io.hagw.Proxy", []),
    ("tenantd", "io.hagw.Tenant", []),
    ("webd", "io.hagw.Web", ["web"]),
]


def listen(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    s.listen(8)
    return s


@pytest.mark.parametrize("name,interface,sockets", DAEMONS, ids=[row[0] for row in DAEMONS])
@pytest.mark.parametrize("which", ["own", "service"])
def test_interface(house, name, interface, sockets, which):
    if not (BUILD / f"hagw-{name}" / f"hagw-{name}").exists():
        pytest.skip(f"hagw-{name} is not built here")
    asked = interface if which == "own" else "io.hagw.Service"
    handed = {fd_name: [listen(house.runtime / fd_name)] for fd_name in sockets}
    with house.daemon(name, interface, sockets=handed).varlink() as v:
        text = v.call("org.varlink.service.GetInterfaceDescription", interface=asked)["description"]
    golden = ROOT / "tests" / "idl" / f"{asked}.varlink"
    if os.environ.get("HAGW_IDL_UPDATE"):
        golden.write_text(text)
    assert text == golden.read_text()

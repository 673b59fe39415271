# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interfaces that the daemons really export are, letter by letter, the golden files in tests/idl/.

After a wanted change: HAGW_IDL_UPDATE=1 pytest tests/component/test_idl.py writes them anew; the diff is for the review."""

import os

import pytest

from conftest import BUILD, ROOT

# A daemon and its interface: one row each.
DAEMONS = [
    ("dnsd", "io.hagw.Dns"),
]


@pytest.mark.parametrize("name,interface", DAEMONS, ids=[name for name, _ in DAEMONS])
@pytest.mark.parametrize("which", ["own", "service"])
def test_interface(house, name, interface, which):
    if not (BUILD / f"hagw-{name}" / f"hagw-{name}").exists():
        pytest.skip(f"hagw-{name} is not built here")
    asked = interface if which == "own" else "io.hagw.Service"
    with house.daemon(name, interface).varlink() as v:
        text = v.call("org.varlink.service.GetInterfaceDescription", interface=asked)["description"]
    golden = ROOT / "tests" / "idl" / f"{asked}.varlink"
    if os.environ.get("HAGW_IDL_UPDATE"):
        golden.write_text(text)
    assert text == golden.read_text()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one caller may take of any daemon: a flood costs its sender the connection, and nobody else an answer or a restart.

There are no cgroup controllers where these tests run, so MemoryMax= kills nobody here. Shown is what it is measured against: the
daemon's own peak (VmHWM of /proc/PID/status, reset before the flood), which must stay below MemoryMax= of its unit with the
daemon's own work in it; and LimitDATA= is really set, as systemd would, with prlimit(2)."""

import contextlib
import json
import os
import pathlib
import re
import resource
import socket
import threading

import pytest
from conftest import ROOT, call_as
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)
from test_idl import DAEMONS, listen

LIMITS = dict(re.findall(r"^#define (\w+) \(?(\d+)U", (ROOT / "libhagw/vl-limit.h").read_text(), re.M))
MESSAGE_MAX = int(LIMITS["VL_MESSAGE_MAX"]) * 1024
PER_USER = {"keyd": int(LIMITS["KEY_CONNECTIONS_PER_UID_MAX"]), "tenantd": int(LIMITS["TENANT_CONNECTIONS_PER_UID_MAX"])}
NAMES = [row[0] for row in DAEMONS]


def mebibytes(name, setting):
    """Of the unit; None where it has none, or not in MiB."""
    found = re.search(rf"^{setting}=(\d+)M$", (ROOT / f"units/hagw-{name}.service").read_text(), re.M)
    return int(found[1]) if found else None


def memory(daemon, figure):
    """Of /proc/PID/status, in MiB."""
    return int(re.search(rf"{figure}:\s+(\d+)", pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text())[1]) / 1024


@pytest.fixture(params=DAEMONS, ids=NAMES)
def daemon(request, house):
    name, interface, sockets = request.param
    # Without what a sanitizer keeps of freed memory.
    options = f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    d = house.daemon(name, interface, sockets={fd_name: [listen(house.runtime / fd_name)] for fd_name in sockets},
                     env={"ASAN_OPTIONS": options})
    d.call("io.hagw.Service.Describe")
    data = mebibytes(name, "LimitDATA")
    # A sanitizer's shadow is larger than any limit.
    if data and memory(d, "VmData") < data:
        resource.prlimit(d.process.pid, resource.RLIMIT_DATA, (data << 20, data << 20))
    return d


def describe(size):
    """A call of exactly that many bytes, the end included, of what costs most to parse."""
    head, tail = b'{"method":"io.hagw.Service.Describe","parameters":{"x":[', b"1]}}\0"
    return head + b"1," * ((size - len(head) - len(tail)) // 2) + b" " * ((size - len(head) - len(tail)) % 2) + tail


def closed(v):
    try:
        while v.socket.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def send(v, data):
    """As much as is taken before the connection ends."""
    try:
        v.socket.sendall(data)
    except ConnectionError:
        pass


def test_message_length(daemon):
    with daemon.varlink() as v:
        v.socket.sendall(describe(MESSAGE_MAX))
        with pytest.raises(Exception, match="InvalidParameter"):
            v.receive()
        # What comes together counts apart.
        v.socket.sendall(b'{"method":"io.hagw.Service.Describe","parameters":{}}\0' * 3)
        for _ in range(3):
            assert v.receive()["parameters"]["name"] == f"hagw-{daemon.name}"
        send(v, describe(2 * MESSAGE_MAX))
        assert closed(v)
    with daemon.varlink() as v:
        send(v, b"x" * (2 * MESSAGE_MAX))
        assert closed(v)
    assert daemon.call("io.hagw.Service.Describe")["name"] == f"hagw-{daemon.name}"
    assert "not limited" not in daemon.text()


def test_flood(daemon, house, hagw_users):
    """All connections that one user gets, each with as much as it takes, finished and unfinished."""
    pathlib.Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")  # the peak begins anew
    before = memory(daemon, "VmHWM")
    n = PER_USER.get(daemon.name, int(LIMITS["VL_CONNECTIONS_PER_UID_MAX"]))
    links = [daemon.varlink(timeout=280) for _ in range(n)]
    for v in links:
        v.socket.sendall(describe(MESSAGE_MAX)[:-1])
    # Another user is served meanwhile, and afterwards.
    house.open_to_all()
    daemon.path.chmod(0o666)
    other = "netd" if daemon.name == "webd" else "webd"
    assert call_as(hagw_users[other], daemon.path, "io.hagw.Service.Describe", {}) == "ok"
    for v in links:
        v.socket.sendall(b"\0")
    assert call_as(hagw_users[other], daemon.path, "io.hagw.Service.Describe", {}) == "ok"
    for v in links:
        with pytest.raises(Exception, match="InvalidParameter"):
            v.receive()
        v.close()
    grown = memory(daemon, "VmHWM") - before
    print(f"hagw-{daemon.name}: {before:.1f} MiB, {grown:.1f} MiB more with {n} connections")
    assert grown < n * MESSAGE_MAX / (1 << 20) * 1.5 + 60 * MESSAGE_MAX / (1 << 20)


def test_turns(daemon):
    """A caller who sends without a pause gets his answers between those of the others, not before."""
    n = 200000  # some seconds' work
    call = b'{"method":"org.varlink.service.GetInfo","parameters":{}}\0' * n
    received = 0

    def drain(v):
        nonlocal received
        with contextlib.suppress(OSError):
            while data := v.socket.recv(1 << 20):
                received += data.count(b"\0")

    def flood():
        # Where answers come faster than they are read here, the connection is cut: another follows.
        while not ended:
            with contextlib.suppress(OSError), daemon.varlink(timeout=60) as v:
                reader = threading.Thread(target=drain, args=(v,))
                reader.start()
                current.append(v)
                send(v, call)
                with contextlib.suppress(OSError):
                    v.socket.shutdown(socket.SHUT_RDWR)
                reader.join()

    ended, current = False, []
    with daemon.varlink(timeout=60) as other:
        other.call("io.hagw.Service.Describe")
        thread = threading.Thread(target=flood)
        thread.start()
        while received == 0:
            thread.join(0.01)
        for _ in range(3):
            assert other.call("io.hagw.Service.Describe")["name"] == f"hagw-{daemon.name}"
        assert 0 < received < n
        ended = True
        with contextlib.suppress(OSError):
            current[-1].socket.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_unread_answers(daemon):
    """Who asks and asks, and does not read, is cut before his answers fill the memory."""
    pathlib.Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")
    before = memory(daemon, "VmHWM")
    call = json.dumps({"method": "org.varlink.service.GetInterfaceDescription", "parameters": {"interface": "io.hagw.Service"}})
    for _ in range(3):
        links = [daemon.varlink(timeout=60) for _ in range(PER_USER.get(daemon.name, 16))]
        for v in links:
            send(v, (call.encode() + b"\0") * 10000)
        for v in links:
            assert closed(v)
            v.close()
    assert memory(daemon, "VmHWM") - before < 16
    assert daemon.call("io.hagw.Service.Describe")["name"] == f"hagw-{daemon.name}"


def test_what_a_daemon_says_of_itself_stands_in_a_table(daemon):
    """Behind its name, and among others' figures: no sentence."""
    status = daemon.call("io.hagw.Service.Describe")["status"]
    assert status and (not status[0].isupper() or status.startswith("IPv")) and not status.endswith("."), status


def test_limits_of_the_units():
    """hagw-proxyd's memory follows the machine, and most of it is visitors': what its callers send is bounded by the length and
    the number of messages alone."""
    for name in NAMES:
        if name == "proxyd":
            continue
        data, memory = mebibytes(name, "LimitDATA"), mebibytes(name, "MemoryMax")
        assert data and memory and data <= memory * 7 / 8, name


def test_answer_that_is_too_large(house):
    """A daemon that asks gets 16 MiB which need 800 when they are read: it loses that connection, and nothing else. As LimitDATA=
    does it; under a sanitizer, whose shadow is larger than any limit, large allocations fail instead."""
    server = listen(house.runtime / "io.hagw.Net")
    server.settimeout(60)
    options = f"{os.environ.get('ASAN_OPTIONS', '')}:allocator_may_return_null=1:max_allocation_size_mb=64"
    dnsd = house.daemon("dnsd", "io.hagw.Dns", env={"ASAN_OPTIONS": options})
    data = mebibytes("dnsd", "LimitDATA")
    if memory(dnsd, "VmData") < data:
        resource.prlimit(dnsd.process.pid, resource.RLIMIT_DATA, (data << 20, data << 20))
    for _ in range(2):
        asked, _ = server.accept()
        asked.settimeout(60)
        assert b"io.hagw.Net.Watch" in asked.recv(65536)
        with contextlib.suppress(ConnectionError):
            asked.sendall(b'{"parameters":{"x":[' + b"1," * (8 * 1024 * 1024 - 64) + b'1]},"continues":true}\0')
            assert asked.recv(65536) == b""
        asked.close()
        assert dnsd.call("io.hagw.Service.Describe")["name"] == "hagw-dnsd"


def test_answer_with_too_many_values(house, parts, service):  # noqa: F811
    """Sixteen MiB from a broken-in hagw-acmed would be 800 once hagw-proxyd has them as values: it hangs up instead, serves
    on, and asks again."""
    h = open_house(house, parts, ha=host(service.url))
    pathlib.Path(f"/proc/{h.proxyd.process.pid}/clear_refs").write_text("5")
    before, watchers = memory(h.proxyd, "VmHWM"), len(h.acme.watchers)
    flood = b'{"parameters":{"certificates":[' + b"0," * 8_000_000 + b'0]},"continues":true}\0'
    with contextlib.suppress(OSError):
        h.acme.watchers[-1].sendall(flood)
    h.wait(lambda: len(h.acme.watchers) > watchers)
    assert memory(h.proxyd, "VmHWM") - before < 128
    assert h.visit().status == 200

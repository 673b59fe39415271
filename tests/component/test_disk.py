# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that is full or takes nothing: each daemon says which file it could not write, since when and why, and writes what it
has in memory when that is possible again. The disks are file systems of their own, with very little room."""

import fcntl
import json
import os
import re
import struct
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from acme_tools import ZONE, Acme, Authority, Pebble, key_pem, pem
from conftest import VarlinkError
from ctl_tools import FAILED, OK, ctl  # noqa: F401
from tenant_tools import CONFIG, HOSTS, Relay, Watcher
from test_ctl_causes import ZONE as HOUSE_ZONE
from test_ctl_causes import place  # noqa: F401 (fixture)
from test_netd import LABORATORY
from test_netd import start as start_netd
from test_webd import PASSWORD
from test_webd import start as start_webd


class Disk:
    """A small file system as a folder."""

    def __init__(self, path, kib=1024, mode="0700"):
        self.path = path
        self.path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode={mode}", "tmpfs", self.path], check=True)

    def fill(self, leave=0):
        """leave: bytes."""
        with open(self.path / "fill", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                f.truncate(max(0, f.tell() - leave))

    def free(self):
        (self.path / "fill").unlink()

    def protect(self, what="ro"):
        subprocess.run(["mount", "-o", f"remount,{what}", self.path], check=True)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture
def disk(house):
    disks = []

    def make(name, path=None, **keys):
        """The daemon's state directory of that name, or another folder."""
        disks.append(Disk(path or house.root / "state" / name, **keys))
        return disks[-1]

    yield make
    for d in disks:
        d.close()


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.1)


def describe(daemon):
    return daemon.call("io.hagw.Service.Describe")


def figure(daemon, name):
    return next(m["value"] for m in daemon.call("io.hagw.Service.GetMetrics")["metrics"] if m["name"] == name)


def faults(daemon):
    return {f["file"].rpartition("/")[2]: f["reason"] for f in describe(daemon).get("stateFaults") or []}


def over(daemon):
    until(lambda: not faults(daemon), "the end of it")
    until(lambda: "could not be written" not in daemon.status, "the status line without it")
    assert figure(daemon, "state_stale") == 0
    assert "can be written again" in daemon.text()


def test_healthy(house):
    webd = start_webd(house)
    d = describe(webd)
    assert d["stateDirectory"] == str(house.root / "state/webd") and d["stateFreeBytes"] > 0
    assert not d.get("stateFaults") and not d.get("stateReadOnly")
    assert figure(webd, "state_stale") == 0 and figure(webd, "state_write_failures") == 0
    assert figure(webd, "state_free_bytes") > 0


def test_webd(house, disk):
    room = disk("webd")
    webd = start_webd(house)
    webd.call("AddUser", name="anna", password=PASSWORD, hosts=["*"], groups=[])
    before = time.time()
    room.fill()
    # Whoever logs in comes in, though it is lost with the next restart for now.
    assert webd.visitor().login().status == 303
    fault = next(f for f in describe(webd)["stateFaults"] if f["file"].endswith("sessions.json"))
    assert fault == {"file": f"{room.path}/sessions.json", "sinceUSec": fault["sinceUSec"], "reason": "No space left on device"}
    assert before - 1 < fault["sinceUSec"] / 1e6 < time.time() + 1
    d = describe(webd)
    assert d["stateLow"] is True and d["stateFreeBytes"] == 0
    assert figure(webd, "state_stale") == 1 and figure(webd, "state_write_failures") >= 1
    until(lambda: "could not be written: No space left on device" in webd.status, "the status line")
    # A change that is asked for is refused, and nothing of it is left.
    with pytest.raises(VarlinkError):
        webd.call("AddUser", name="ben", password=PASSWORD, hosts=["*"], groups=[])
    assert [u["name"] for u in webd.call("ListUsers")["users"]] == ["anna"]
    room.free()
    over(webd)
    assert json.loads((room.path / "sessions.json").read_text())[0]["user"] == "anna"
    assert not (room.path / "state.probe").exists()
    assert not describe(webd).get("stateLow")


def test_who_is_shut_out_stays_out_without_room(house, ctl, disk):  # noqa: F811
    """What takes somebody's rights away holds at once, and is written as soon as there is room; what gives some is undone. In no case do
    memory and what was said differ."""
    room = disk("webd")
    webd = start_webd(house)
    for name in "anna", "kim", "ben":
        webd.call("AddUser", name=name, password=PASSWORD, hosts=["*"], groups=[])
    visitors = {name: webd.visitor() for name in ("anna", "kim", "ben")}
    for name, visitor in visitors.items():
        assert visitor.login(name).status == 303
    token = webd.call("AddToken", user="anna", host="ha.home.example.com", label="phone")["sessionId"]
    stored = (room.path / "users.json").read_text()

    def sessions():
        return sorted(s["user"] for s in webd.call("ListSessions")["sessions"])

    room.fill()
    # Neither the password nor who came in with the old one.
    with pytest.raises(VarlinkError):
        webd.call("SetPassword", name="ben", password="another horse battery")
    assert sessions() == ["anna", "anna", "ben", "kim"]
    with pytest.raises(VarlinkError):
        webd.call("AddToken", user="anna", host="ha.home.example.com", label="tablet")
    with pytest.raises(VarlinkError):
        webd.call("SetUser", name="ben", hosts=[], groups=[])
    assert next(u for u in webd.call("ListUsers")["users"] if u["name"] == "ben")["hosts"] == ["*"]
    assert sessions() == ["anna", "anna", "ben", "kim"]
    why = ctl.refused(FAILED, "user", "remove", "kim")
    assert "This is in force now, but a restart of hagw-webd undoes it until it is written" in why, why
    assert f"{room.path}/" in why and 'could not be written: No space left on device; "df -h"' in why, why
    # It is not told as done, nor as never been there, before the file has it; whatever else is named with it stays.
    for again in (("user", "remove", "kim"), ("user", "remove", "anna", "kim"), ("session", "revoke", "--user=kim")):
        assert "This is in force now, but a restart" in ctl.refused(FAILED, *again), again
    assert 'There is no user "kin"; did you mean' not in ctl.refused(FAILED, "user", "remove", "kin")
    assert [u["name"] for u in ctl.json("user", "list")["users"]] == ["anna", "ben"] and sessions() == ["anna", "anna", "ben"]
    with pytest.raises(VarlinkError) as e:
        webd.call("RevokeSession", id=token)
    assert e.value.name == "io.hagw.Web.NotStored" and sessions() == ["anna", "ben"]
    assert "This is in force now" in ctl.refused(FAILED, "session", "revoke", token)
    assert "This is in force now" in ctl.refused(FAILED, "session", "revoke", "--user=ben") and sessions() == ["anna"]
    assert (room.path / "users.json").read_text() == stored
    room.free()
    over(webd)
    assert 'There is no user "kim"' in ctl.refused(FAILED, "user", "remove", "kim")
    assert sorted(u["name"] for u in json.loads((room.path / "users.json").read_text())) == ["anna", "ben"]
    assert [s["user"] for s in json.loads((room.path / "sessions.json").read_text())] == ["anna"]
    webd.kill()
    webd.start()
    assert sorted(u["name"] for u in webd.call("ListUsers")["users"]) == ["anna", "ben"] and sessions() == ["anna"]


def test_webd_starts_without_room(house, disk):
    """Form keys may be made anew at each start: no reason to keep everybody out."""
    room = disk("webd")
    room.fill()
    webd = start_webd(house)
    assert webd.visitor().get("/.hagw/auth/login").status == 200
    assert faults(webd) == {"form.key": "No space left on device"}
    room.free()
    over(webd)
    assert (room.path / "form.key").stat().st_size > 0


def test_netd(house, disk):
    room = disk("netd")
    netd = start_netd(house, ipv4="static:203.0.113.1")
    until((room.path / "addresses.json").exists, "the file")
    room.protect()
    main = house.config / "hagw.conf"
    main.write_text(main.read_text().replace("203.0.113.1", "203.0.113.2"))
    netd.reload()
    until(lambda: faults(netd) == {"addresses.json": "Read-only file system"}, "the fault")
    assert describe(netd)["stateReadOnly"] is True
    assert "203.0.113.1" in (room.path / "addresses.json").read_text()
    room.protect("rw")
    over(netd)
    assert "203.0.113.2" in (room.path / "addresses.json").read_text()


def test_keyd(house, disk):
    """Written on a thread of its own; the caller is told, and nothing is left over."""
    room = disk("keyd")
    keyd = house.daemon("keyd", "io.hagw.Key")
    room.fill()
    with pytest.raises(VarlinkError):
        keyd.call("Generate", purpose="tls")
    until(lambda: list(faults(keyd).values()) == ["No space left on device"], "the fault")
    until(lambda: "could not be written" in keyd.status, "the status line")
    room.free()
    over(keyd)
    keyd.call("Generate", purpose="tls")


def test_acmed(house, disk):
    room = disk("acmed")
    room.fill()
    house.configure('zones = ( { name = "home.test"; } );\nacme: { directory = "https://127.0.0.1:1/"; };')
    acmed = house.daemon("acmed", "io.hagw.Acme")
    until(lambda: faults(acmed), "the fault")
    assert set(faults(acmed).values()) == {"No space left on device"}
    room.free()
    over(acmed)
    assert [p.name for p in room.path.glob("cert-*.json")]


def test_an_import_that_fails_forgets_nothing(house, disk):
    """The certificates of before can be revoked as they could."""
    room = disk("acmed")
    house.configure("")
    keyd, acmed = house.daemon("keyd", "io.hagw.Key"), house.daemon("acmed", "io.hagw.Acme")
    authority = Authority()

    def bring(name):
        key = ec.generate_private_key(ec.SECP256R1())
        held = keyd.call("Import", purpose="tls", pem=key_pem(key))["key"]["id"]
        acmed.call("Import", chain=pem(authority.sign(key.public_key(), names=[name])), keyId=held)

    def record():
        return json.loads(next(room.path.glob("cert-*")).read_text())

    for _ in range(2):
        bring("a.example.net")
    before = record()
    assert len(before["formers"]) == 1
    room.fill()
    for name in "a.example.net", "b.example.net":
        with pytest.raises(VarlinkError):
            bring(name)
    assert [c["name"] for c in acmed.call("Watch")["certificates"]] == ["a.example.net"]
    room.free()
    over(acmed)
    assert len(list(room.path.glob("cert-*"))) == 1 and record()["formers"] == before["formers"]


def test_tenantd(house, disk):
    room = disk("tenantd", kib=2048)
    house.configure(CONFIG, **HOSTS)
    tenantd = house.daemon("tenantd", "io.hagw.Tenant")
    tenantd.call("Add", name="anna")
    room.fill()
    refused = None
    for i in range(64):  # SQLite's log has some room of its own
        try:
            tenantd.call("Add", name=f"b{i}")
        except VarlinkError as e:
            refused = e
            break
    assert refused
    assert faults(tenantd)["tenants.db"] == "No space left on device"
    # And the copy of the day.
    with pytest.raises(VarlinkError):
        tenantd.call("MakeCopy")
    assert faults(tenantd)["copies"] == "No space left on device"
    room.free()
    over(tenantd)
    assert [c for c in (room.path / "copies").iterdir()], "the copy was made when there was room"


def test_what_hagw_tenantd_refused_for_room_is_not_done_later(house, ctl, disk):  # noqa: F811
    """What is taken from tenants stands in the ledger before the database has it: a line whose change fails is cut off again, so that neither
    a restart nor a copy that is put back does what was answered with "all is as before"."""
    room = disk("tenantd", kib=2048)
    house.configure(CONFIG, **HOSTS)
    tenantd = house.daemon("tenantd", "io.hagw.Tenant")
    for name in "anna", "bob", "carl":
        tenantd.call("Add", name=name, credential="token", domains=[f"{name}.example.org"])
    tenantd.call("MakeCopy")
    # One line stands there, and has room for the next in its block.
    ctl.ok("tenant", "add", "dora")
    ctl.ok("tenant", "remove", "dora")
    token = tenantd.call("Get", name="carl")["tenant"]["tokens"][0]["tokenId"]
    before = (room.path / "ledger").read_text()
    tenants = [tenantd.call("Get", name=n) for n in ("anna", "bob", "carl")]
    room.fill()
    changes = [("set", "anna", "--suspend"), ("remove", "bob", "--yes"), ("revoke", "carl", token), ("domain", "remove", "anna", "anna.example.org")]
    for change in changes:
        assert "What was asked for is not done, and all is as before." in ctl.refused(FAILED, "tenant", *change), change
        assert (room.path / "ledger").read_text() == before, change
    room.free()
    over(tenantd)
    tenantd.kill()
    tenantd.start()
    assert [tenantd.call("Get", name=n) for n in ("anna", "bob", "carl")] == tenants
    assert "is taken again" not in tenantd.text()
    # And with room they are done, and noted.
    for change in changes:
        ctl.ok("tenant", *change)
    assert len((room.path / "ledger").read_text().splitlines()) == len(before.splitlines()) + len(changes)


def test_a_change_that_is_refused_names_the_file(house, ctl, disk):  # noqa: F811
    """And says that nothing else is to be feared."""
    room = disk("webd")
    start_webd(house)
    room.fill()
    why = ctl.refused(FAILED, "user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert f"hagw-webd could not write {room.path}/users.json: No space left on device; \"df -h\"" in why
    assert "What was asked for is not done, and all is as before." in why
    assert ctl.json("user", "list")["users"] == []
    told = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["problems"]
    assert [p for p in told if "Until that works again changes are refused, but for who is shut out, and what comes by itself is kept in memory only." in p], told
    room.free()
    ctl.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)


@pytest.mark.parametrize("what", ["full", "read-only"])
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_hagw_tenantd_starts_where_nothing_can_be_written(house, ctl, disk, end, what):  # noqa: F811
    """Houses are admitted as the database says, with its log and its ledger; every change is refused with the reason, and goes on when the
    disk takes it."""
    room = disk("tenantd", kib=2048)
    relay = Relay(house)
    anna, ben, carl = (relay.add(n, domains=[f"{n}.example.org"]) for n in ("anna", "ben", "carl"))
    relay.call("MakeCopy")
    relay.call("RevokeToken", name="ben")
    account = {"issuer": "ca.example.org", "accountUri": "https://ca.example.org/1"}
    relay.call("SetAccount", **anna.fields(), **account)
    before = [relay.get(n) for n in ("anna", "ben", "carl")]
    if end == "kill":
        relay.daemon.kill()
        assert (room.path / "tenants.db-wal").stat().st_size > 0
        # What was to be taken, and then came the kill.
        ledger = room.path / "ledger"
        ledger.write_text(f"{(text := ledger.read_text())}{int(text.splitlines()[-1].split()[0]) + 1} token carl {carl.id} -\n")
    else:
        assert relay.daemon.stop() == 0
    reason = {"full": "No space left on device", "read-only": "Read-only file system"}[what]
    room.fill() if what == "full" else room.protect()
    relay.daemon.start()
    assert faults(relay.daemon)["tenants.db"] == reason
    assert f"In {room.path} nothing can be written: {reason}." in relay.daemon.text()

    def admitted(token):
        try:
            return relay.call("Authenticate", **token.fields())["tenant"]["name"]
        except VarlinkError as e:
            assert e.name.endswith("NotAdmitted"), e
    assert [admitted(t) for t in (anna, ben, carl)] == ["anna", None, "carl" if end == "stop" else None]
    assert sorted(Watcher(relay).known) == ["anna", "ben", "carl"]
    assert len(relay.call("ListCopies")["copies"]) == 1
    relay.call("SetAccount", **anna.fields(), **account)  # as before an order
    for change in ("add", "dora"), ("set", "anna", "--suspend"), ("revoke", "anna", "--yes"), ("domain", "remove", "anna", "anna.example.org"), ("rotate", "anna"):
        why = ctl.refused(FAILED, "tenant", *change)
        assert f"hagw-tenantd could not write {room.path}/tenants.db: {reason}" in why and "all is as before." in why, (change, why)
    assert [admitted(t) for t in (anna, ben)] == ["anna", None]
    said = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["problems"]
    assert [p for p in said if f"{room.path}/tenants.db: {reason};" in p or f"Nothing can be written to {room.path}, the state of hagw-tenantd" in p], said
    room.free() if what == "full" else room.protect("rw")
    over(relay.daemon)
    relay.daemon.kill()
    relay.daemon.start()
    assert [admitted(t) for t in (anna, ben, carl)] == ["anna", None, "carl" if end == "stop" else None]
    ignored = lambda t: {k: v for k, v in t.items() if k != "tokens"}  # noqa: E731 (when they were used)
    assert [ignored(relay.get(n)) for n in ("anna", "ben", "carl")] == [ignored(t) for t in before]
    ctl.ok("tenant", "add", "dora")
    relay.daemon.kill()
    relay.daemon.start()
    assert relay.get("dora")


def test_a_copy_for_whose_log_there_is_no_room(house, disk):
    """It is put back, and the file that SQLite needs beside it has no room: all the same it counts, and can be changed as soon as there is."""
    room = disk("tenantd", kib=16384)
    house.configure(CONFIG, **HOSTS)
    tenantd = house.daemon("tenantd", "io.hagw.Tenant")
    for i in range(200):
        tenantd.call("Add", name=f"a{i}")
    tenantd.call("MakeCopy")
    assert tenantd.stop() == 0
    tenantd.start()  # its log is in the database now
    copy, = tenantd.call("ListCopies")["copies"]
    taken = sum(p.stat().st_blocks * 512 for p in room.path.glob("tenants.db-*"))  # and is given back before
    room.fill(leave=(room.path / "copies" / copy["name"]).stat().st_size - taken + 4096)
    tenantd.call("RestoreCopy", name=copy["name"], force=True)
    assert faults(tenantd)["tenants.db"] == "No space left on device" and figure(tenantd, "tenants") == 200
    with pytest.raises(VarlinkError):
        tenantd.call("Add", name="b")
    room.free()
    over(tenantd)
    tenantd.call("Add", name="b")
    assert figure(tenantd, "tenants") == 201 and tenantd.call("ListCopies")["trouble"] is None


def test_tenantd_ends_where_its_database_cannot_be_opened_again(house, disk):
    """A later version has written to it meanwhile: who starts it anew hears that."""
    room = disk("tenantd", kib=2048)
    relay = Relay(house)
    relay.add("anna")
    assert relay.daemon.stop() == 0
    room.fill()
    relay.daemon.start()
    assert faults(relay.daemon)
    file = room.path / "tenants.db"

    def version(number):
        with open(file, "r+b") as f:
            f.seek(60)  # SQLite's user_version
            f.write(struct.pack(">I", number))
    before, = struct.unpack(">I", file.read_bytes()[60:64])
    version(9999)
    room.free()
    assert relay.daemon.process.wait(60) == 1 and "could not be opened again: hagw-tenantd ends" in relay.daemon.text()
    version(before)
    relay.daemon.start()
    assert figure(relay.daemon, "tenants") == 1


def test_metrics_of_all(house, disk):
    """One family for all daemons, on the page for whoever looks after the house."""
    room = disk("netd")
    webd = start_webd(house)
    netd = house.daemon("netd", "io.hagw.Net")
    room.fill()
    main = house.config / "hagw.conf"
    main.write_text('public_address: { ipv4 = "static:198.51.100.2"; ipv6 = "none"; };')
    netd.reload()
    until(lambda: faults(netd), "the fault")
    lines = webd.visitor(lan=True).get("/metrics").text.split("\n")
    at = lines.index("# TYPE hagw_state_stale gauge")
    family = [line for line in lines if line.startswith("hagw_state_stale{")]
    assert 'hagw_state_stale{daemon="netd"} 1' in family and 'hagw_state_stale{daemon="webd"} 0' in family
    assert set(lines[at + 2 : at + 2 + len(family)]) == set(family)
    assert any(line.startswith('hagw_state_write_failures_total{daemon="netd"}') for line in lines)
    room.free()


def test_status(house, ctl, disk):  # noqa: F811
    """Once for all daemons on one disk; before anything is lost, the room that is left; and nothing when it is over."""
    room = disk("netd")
    netd = start_netd(house, ipv4="static:203.0.113.1")
    start_webd(house, main=(house.config / "hagw.conf").read_text())
    status = lambda: json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["problems"]  # noqa: E731
    mine = lambda: [p for p in status() if "room" in p or "state of" in p]  # noqa: E731
    assert mine() == []
    with open(room.path / "fill", "wb") as f:
        f.write(bytes(1000 * 1024))
    assert [p for p in mine() if "There is no room left for the state of hagw-netd in " in p], mine()
    room.fill()
    (house.config / "hagw.conf").write_text(f'public_address: {{ ipv4 = "static:203.0.113.2"; ipv6 = "none"; }}; {LABORATORY}')
    netd.reload()
    until(lambda: faults(netd), "the fault")
    [said] = mine()
    assert "The state of hagw-netd could not be written, for the first time " in said
    assert f"{room.path}/addresses.json: No space left on device;" in said and "df -h" in said
    assert ctl.run("status", "--no-delegation").returncode != 0
    room.free()
    over(netd)
    assert mine() == []
    room.protect()
    [said] = mine()
    assert f"Nothing can be written to {room.path}, the state of hagw-netd" in said
    room.protect("rw")


def test_a_renewal_that_fails_is_a_notice(house, ctl):  # noqa: F811
    """The certificate is good for weeks: who looks is told, and nothing needs attention because of it."""
    a = Acme(house)
    pebble = Pebble(a.folder, a.dns_port)
    try:
        a.start(pebble.directory, pebble.root)
        a.wait()
        told = lambda: json.loads(ctl.run("--json", "status", "--no-delegation").stdout)  # noqa: E731
        assert [n for n in told()["notices"] if "could not be renewed" in n] == []
    finally:
        pebble.stop()
    a.acmed.call("Renew", name=ZONE)
    until(lambda: a.get()["failures"] == 1 and a.get()["state"] == "valid", "the failure")
    t = told()
    [said] = [n for n in t["notices"] if "could not be renewed" in n]
    assert f"The certificate for {ZONE} could not be renewed (1 try): " in said and "It ends in " in said and "the next try is in " in said
    assert not [p for p in t["problems"] if "renewed" in p or "ertificate" in p]


@pytest.mark.parametrize("who", ["keyd", "acmed"])
def test_renewal_without_room(house, ctl, disk, who):  # noqa: F811
    """Which file it was, and that the certificate that is there goes on."""
    room = disk(who)
    a = Acme(house)
    pebble = Pebble(a.folder, a.dns_port)
    try:
        a.start(pebble.directory, pebble.root)
        a.wait()
        room.fill()
        r = ctl.run("cert", "renew", ZONE, "--wait=20")
        assert r.returncode == FAILED and re.search(rf"hagw-{who} could not write {room.path}/\S+: No space left on device\.", r.stderr), r.stderr
        assert r.stdout.count("that did not work: ") == 1, "however often it is tried"
        assert f"There is no new certificate yet: {ZONE}. The one before is good until it ends in " in r.stderr
        shown = ctl.run("cert", "show", ZONE).stdout
        assert "No space left on device" in shown and (who == "keyd" or f"{room.path}/" in shown), shown
        room.free()
        # A try may be under way already.
        until(lambda: ctl.run("cert", "renew", ZONE, "--wait=60").returncode == OK, "the renewal", 120)
    finally:
        pebble.stop()


CHANGES = "so that changes of the configuration fail: "


def refuse_host(place, reason):  # noqa: F811
    """What status says comes true."""
    why = place.ctl.refused(FAILED, "host", "add", "--no-reload", f"ha.{HOUSE_ZONE}", "http://192.168.1.4:8123")
    assert reason in why, why


def test_the_configuration_has_no_room(disk, place):  # noqa: F811
    """Before it is needed: a little first, then none; and nothing when it is over."""
    room = disk("config", mode="0755", path=place.ctl.house.config, kib=4096)
    (room.path / "hosts.d").mkdir()
    place.start()
    assert place.found(OK) == ([], [])
    room.fill(leave=100 * 1024)
    assert place.only(f"There is little room in {room.path}, and without any changes of the configuration fail: 0.1 MiB; \"df -h\" ")
    room.fill()
    place.only(f"There is no room left in {room.path}, {CHANGES}\"df -h\" and \"df -i\" ")
    refuse_host(place, "No space left on device")
    room.free()
    assert place.found(OK) == ([], [])


def test_the_configuration_has_no_inodes(disk, place):  # noqa: F811
    room = disk("config", mode="0755", path=place.ctl.house.config)
    (room.path / "hosts.d").mkdir()
    place.start()
    subprocess.run(["mount", "-o", "remount,nr_inodes=128", room.path], check=True)
    assert place.found(OK) == ([], [])
    made = []
    with pytest.raises(OSError):
        while len(made) < 200:
            (room.path / f"x{len(made)}").mkdir()
            made.append(room.path / f"x{len(made)}")
    place.only(f"There is no room left in {room.path}, {CHANGES}")
    for folder in made:
        folder.rmdir()
    assert place.found(OK) == ([], [])


def test_the_configuration_cannot_be_written(disk, place):  # noqa: F811
    """A file system that takes nothing any more may be a failing disk: somebody has to look."""
    room = disk("config", mode="0755", path=place.ctl.house.config)
    (room.path / "hosts.d").mkdir()
    place.start()
    room.protect()
    place.only(f"Nothing can be written to {room.path}, {CHANGES}the file system can only be read; \"journalctl -k -p err\" ")
    refuse_host(place, "Read-only file system")
    room.protect("rw")
    assert place.found(OK) == ([], [])


@pytest.mark.parametrize("folder,hurts", [("", "changes of the configuration fail"), ("hosts.d", "hosts can be neither added nor changed")],
                         ids=["all", "hosts"])
def test_the_configuration_was_mounted_so(place, folder, hurts):  # noqa: F811
    """By a person, and on purpose perhaps: that is worth knowing, and no more."""
    config = place.ctl.house.config
    place.start()
    (config / "hosts.d").mkdir(exist_ok=True)
    shut = config / folder
    subprocess.run(["mount", "--bind", shut, shut], check=True)
    try:
        assert place.found(OK) == ([], [])
        subprocess.run(["mount", "-o", "remount,bind,ro", shut], check=True)
        problems, [notice] = place.found(OK)
        assert problems == [] and notice.startswith(f"Nothing can be written to {shut}, so that {hurts}: Read-only file system. ")
        assert f'"findmnt -T {shut}"' in notice
        refuse_host(place, "Read-only file system")
    finally:
        subprocess.run(["umount", "-l", shut], check=True)
    assert place.found(OK) == ([], [])


IMMUTABLE = 0x10  # FS_IMMUTABLE_FL, what chattr +i sets
GET_FLAGS, SET_FLAGS = 0x80086601, 0x40086602


def set_flags(path, change):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flags, = struct.unpack("i", fcntl.ioctl(fd, GET_FLAGS, bytes(4)))
        fcntl.ioctl(fd, SET_FLAGS, struct.pack("i", change(flags)))
    finally:
        os.close(fd)


def test_the_configuration_was_locked(disk, place):  # noqa: F811
    room = disk("config", mode="0755", path=place.ctl.house.config)
    (room.path / "hosts.d").mkdir()
    place.start()
    try:
        set_flags(room.path, lambda f: f | IMMUTABLE)
    except OSError as e:
        pytest.skip(f"this kernel's tmpfs has no such attribute: {e}")
    problems, [notice] = place.found(OK)
    assert problems == [] and notice.startswith(f"Nothing can be written to {room.path}, {CHANGES}Operation not permitted. ")
    assert f'"lsattr -d {room.path}"' in notice
    set_flags(room.path, lambda f: f & ~IMMUTABLE)
    assert place.found(OK) == ([], [])


@pytest.mark.parametrize("variable,hurts", [
    ("HAGW_KEPT_DIR", "no copy of the last good configuration is made"), ("HAGW_EXPORTS_DIR", "what cert export is told is not kept"),
    ("HAGW_RUNTIME_DIR", "no daemon can be started anew"), ("HAGW_NOTIFY_DIR", "who was told what needs attention is told it again and again")])
def test_folders_that_root_writes_to(disk, place, variable, hurts):  # noqa: F811
    house = place.ctl.house
    room = disk("root", path=house.runtime if variable == "HAGW_RUNTIME_DIR" else house.root / "written")
    place.ctl.env[variable] = str(room.path / "config") if variable == "HAGW_KEPT_DIR" else str(room.path)
    if variable == "HAGW_NOTIFY_DIR":
        place.config += 'notify = ( "mailto:me@example.com" );\n'
    place.start()
    assert place.found(OK) == ([], [])
    room.fill()
    place.only(f"There is no room left in {room.path}, so that {hurts}: ")
    room.free()
    room.protect()
    place.only(f"Nothing can be written to {room.path}, so that {hurts}: the file system can only be read; ")
    room.protect("rw")
    assert place.found(OK) == ([], [])


def test_folders_that_are_not_there(place):  # noqa: F811
    nowhere = str(place.ctl.house.root / "nowhere")
    place.ctl.env |= {"HAGW_KEPT_DIR": f"{nowhere}/config", "HAGW_EXPORTS_DIR": nowhere, "HAGW_NOTIFY_DIR": nowhere}
    place.config += 'notify = ( "mailto:me@example.com" );\n'
    place.start()
    assert place.found(OK) == ([], [])


@pytest.mark.parametrize("daemon", [False, True], ids=["folders", "daemon"])
def test_a_file_system_is_told_once(disk, place, daemon):  # noqa: F811
    """However many folders are on it, and not again where a daemon has told it."""
    room = disk("one")
    state, kept, exported = (room.path / n for n in ("state", "kept", "exported"))
    for folder in state, kept, exported:
        folder.mkdir()
    place.ctl.env |= {"HAGW_KEPT_DIR": f"{kept}/config", "HAGW_EXPORTS_DIR": str(exported)}

    def describe(**more):
        if daemon:
            place.describe("Net", stateDirectory=str(state), stateFreeBytes=0, **more)
    describe()
    place.start()
    assert place.found(OK) == ([], [])
    room.fill()
    describe(stateLow=True)
    place.close()
    place.start()
    place.only(f"There is no room left for the state of hagw-netd in {state}" if daemon else f"There is no room left in {kept}, ")
    room.free()
    room.protect()
    describe(stateLow=False, stateReadOnly=True)
    place.close()
    place.start()
    place.only(f"Nothing can be written to {state}, the state of hagw-netd" if daemon else f"Nothing can be written to {kept}, ")
    room.protect("rw")


def test_another_disk_is_told_besides(disk, place):  # noqa: F811
    one, other = disk("one"), disk("other")
    place.ctl.env |= {"HAGW_EXPORTS_DIR": str(other.path)}
    place.describe("Net", stateDirectory=str(one.path), stateFreeBytes=0, stateLow=True)
    place.start()
    one.fill()
    other.fill()
    first, second = place.found(FAILED)[0]
    assert "the state of hagw-netd" in first and f"There is no room left in {other.path}, " in second


def test_folders_are_no_business_of_who_is_not_root(disk, place):  # noqa: F811
    room = disk("config", mode="0755", path=place.ctl.house.config)
    (room.path / "hosts.d").mkdir()
    place.start()
    room.fill()
    place.only(f"There is no room left in {room.path}, ")
    place.ctl.prefix = ["setpriv", "--reuid=65534", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]  # and the test's files are root's
    assert place.found(OK) == ([], [])


def test_a_machine_where_nothing_is_set_up_hears_of_that_alone(ctl, disk):  # noqa: F811
    room = disk("config", mode="0755", path=ctl.house.config)
    room.fill()
    said = json.loads(ctl.run("--json", "status").stdout)
    assert [p[:22] for p in said["problems"]] == ["hagw is not set up on "] and said["notices"] == []

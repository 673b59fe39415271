# SPDX-License-Identifier: LGPL-2.1-or-later
"""When hagw-acmed asks again: what the authority asks for holds, our own patience ends with a correction, an authority in trouble is
no refusal, and a wrong clock forbids nothing for years."""

import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from acme_tools import Authority as Issuer
from acme_tools import ZONE, Acme, check_certificate, key_pem, pem, until
from authority_tools import Fault
from conftest import VarlinkError
from ctl_tools import Ctl
from test_acmed_caa import authority, begin, gateway  # noqa: F401

LIMITED = {"at": "newOrder", "status": 429, "type": "rateLimited", "detail": "too many", "retry_after": 7200}


def fail(gateway, authority, fault):
    """The first order fails so; returns for how many seconds there is no other try."""
    authority.settings.faults = [fault]
    gateway.start(authority.directory, authority.root)
    return gateway.wait(state="failed")["nextUSec"] / 1e6 - time.time()


def problems(gateway):  # noqa: F811
    return json.loads(Ctl(gateway.house).run("--json", "status", "--no-delegation").stdout)["problems"]


def change_record(gateway, rank=0, **changed):
    """What is noted for the certificate, or for one of its authorities."""
    record = gateway.record()
    for field, value in changed.items():
        (record if field in record else record["tries"][rank])[field] = value
    gateway.path().write_text(json.dumps(record))


def test_retry_after_holds(gateway, authority):  # noqa: F811
    """Over a restart, over changed settings, against a renewal by hand; --now overrides it, once."""
    assert 7000 < fail(gateway, authority, Fault(**LIMITED)) < 7300
    gateway.acmed.kill()
    gateway.acmed.start()
    gateway.configure(authority.directory, authority.root, contact="mailto:me@example.com")
    gateway.acmed.reload()
    assert 7000 < gateway.get()["nextUSec"] / 1e6 - time.time() < 7300 and authority.count("newOrder") == 1
    with pytest.raises(VarlinkError) as e:
        gateway.acmed.call("Renew", name=ZONE)
    assert e.value.name == "io.hagw.Acme.Limited" and 7000 < e.value.parameters["untilUSec"] / 1e6 - time.time() < 7300
    gateway.acmed.call("Renew", name=ZONE, now=True)
    until(lambda: gateway.get()["failures"] and authority.count("newOrder") == 2, 20, "the second order")
    with pytest.raises(VarlinkError):
        gateway.acmed.call("Renew", name=ZONE)
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=ZONE, now=True)
    gateway.wait()


def test_retry_after_is_the_accounts(gateway, authority):  # noqa: F811
    """Another account has not been asked to wait."""
    fail(gateway, authority, Fault(**LIMITED))
    authority.settings.faults = []
    gateway.acmed.stop()
    path = gateway.house.root / "state/acmed/accounts.json"
    path.unlink()
    gateway.acmed.start()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.wait()


HOST = f"a.b.{ZONE}"  # with a certificate of its own


def change(gateway, hosts, zones):  # noqa: F811
    files = {k: f'name = "{v}"; upstream = "http://127.0.0.1:1";' for k, v in hosts.items()}
    gateway.house.configure(Acme.text(zones, **gateway.settings), **files)
    gateway.acmed.reload()


@pytest.mark.parametrize("restart", [False, True], ids=["reload", "restart"])
@pytest.mark.parametrize("what", ["host", "zone"])
def test_retry_after_outlives_the_wish(gateway, authority, what, restart):  # noqa: F811
    """What is taken out and put back is asked for no sooner, and is nowhere to be seen meanwhile; --now overrides it, once."""
    name = HOST if what == "host" else ZONE
    gateway.hosts = {"deep": HOST}
    fail(gateway, authority, Fault(**LIMITED))
    gateway.wait(HOST, state="failed")
    before = gateway.list()
    change(gateway, {} if what == "host" else gateway.hosts, (ZONE,) if what == "host" else ())
    if restart:
        gateway.acmed.kill()
        gateway.acmed.start()
    assert list(gateway.list()) == [n for n in before if n != name] and not gateway.path(name).exists()
    metrics = gateway.acmed.call("io.hagw.Service.GetMetrics")["metrics"]
    assert {m["labels"]["name"] for m in metrics if m["name"] == "certificate_failures"} == {n for n in before if n != name}
    assert not [p for p in problems(gateway) if f" {name}:" in p]
    change(gateway, {"deep": HOST}, (ZONE,))
    if restart:
        gateway.acmed.kill()
        gateway.acmed.start()
    back = gateway.get(name)
    assert back["limitUSec"] == back["nextUSec"] == before[name]["limitUSec"] and 7000 < back["limitUSec"] / 1e6 - time.time() < 7300
    assert authority.count("newOrder") == 2 and back["state"] == "waiting"
    assert [p for p in problems(gateway) if f" {name}: waiting. The certificate authority asks to wait until " in p]
    with pytest.raises(VarlinkError) as e:
        gateway.acmed.call("Renew", name=name)
    assert e.value.name == "io.hagw.Acme.Limited" and e.value.parameters["untilUSec"] == back["limitUSec"]
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=name, now=True)
    assert "limitUSec" not in gateway.wait(name) and authority.count("newOrder") == 3


def test_retry_after_outlives_an_import(gateway, authority):  # noqa: F811
    """Which took the certificate's place until it was removed."""
    fail(gateway, authority, Fault(**LIMITED))
    before, key = gateway.get(), ec.generate_private_key(ec.SECP256R1())
    key_id = gateway.keyd.call("Import", purpose="tls", pem=key_pem(key))["key"]["id"]
    gateway.acmed.call("Import", keyId=key_id, chain=pem(Issuer().sign(key.public_key(), names=[ZONE, f"*.{ZONE}"])))
    assert gateway.get()["source"] == "imported" and "limitUSec" not in gateway.get()
    gateway.acmed.call("Remove", name=ZONE)
    assert gateway.get()["limitUSec"] == gateway.get()["nextUSec"] == before["limitUSec"] and authority.count("newOrder") == 1


BAD_GATEWAY, LUNCH = Fault("newOrder", 502, body="<h1>Bad Gateway</h1>"), Fault("newOrder", 503, detail="out for lunch")
TROUBLE = "The certificate authority is in trouble (HTTP status"


@pytest.mark.parametrize("fault, words", [(Fault("newOrder", 500, detail="out for lunch"), f"{TROUBLE} 500): out for lunch [serverInternal]"),
                                          (LUNCH, f"{TROUBLE} 503): out for lunch [serverInternal]"),
                                          (BAD_GATEWAY, f"{TROUBLE} 502): it gives no reason that can be read"),
                                          (Fault("newOrder", 503, body="<h1>Later</h1>"), f"{TROUBLE} 503): it gives no reason that can be read"),
                                          (Fault("newOrder", 200, body="<h1>Welcome</h1>"), f"{TROUBLE} 200): its answer cannot be used, for it is not JSON")],
                         ids=["500", "503", "502 page", "503 page", "page"])
def test_an_authority_in_trouble(gateway, authority, fault, words):  # noqa: F811
    """It has not refused anything, and nobody says so: asked again within a minute."""
    assert 0 < fail(gateway, authority, fault) < 60
    assert gateway.get()["error"] == words
    assert [p for p in problems(gateway) if p.startswith(f"Certificate {ZONE}: failed: {words}. The next try is ")]


def test_a_trouble_is_told_once(gateway, authority):  # noqa: F811
    """However many certificates wait for its end; a refusal of one of them besides."""
    gateway.hosts = {"deep": HOST, "deeper": f"c.{HOST}"}
    authority.settings.faults = [BAD_GATEWAY]
    gateway.start(authority.directory, authority.root)
    for name in (ZONE, HOST, f"c.{HOST}"):
        gateway.wait(name, state="failed")
    said = [p for p in problems(gateway) if "Certificate" in p]
    assert len(said) == 1 and said[0].startswith(f"Certificate {ZONE} (and 2 more): failed: {TROUBLE} 502)")
    authority.settings.faults = [Fault("newOrder", 403, "rejectedIdentifier", "not this one")]
    gateway.acmed.call("Renew", name=HOST)
    until(lambda: "not this one" in gateway.get(HOST).get("error", ""), 20, "the refusal")
    said = [p for p in problems(gateway) if "Certificate" in p]
    assert len(said) == 2 and f"Certificate {ZONE} (and 1 more): failed: {TROUBLE}" in said[0] and "not this one" in said[1]


def test_refusals_are_not_asked_again_soon(gateway, authority):  # noqa: F811
    assert 80 < fail(gateway, authority, Fault("newOrder", 403, "rejectedIdentifier", "not this one")) < 160
    assert gateway.get()["error"] == "not this one [rejectedIdentifier]"


def test_a_refusal_that_cannot_be_read(gateway, authority):  # noqa: F811
    """Such pages are mostly another program's before the authority: asked again soon."""
    assert 0 < fail(gateway, authority, Fault("newOrder", 404, body="<h1>Not found</h1>")) < 60
    assert gateway.get()["error"] == "The certificate authority refuses, without a reason that can be read (HTTP status 404)"


def test_a_correction_is_tried_at_once(gateway, authority):  # noqa: F811
    """And the error that it mends is not told any more."""
    fail(gateway, authority, Fault("newAccount", 400, "invalidContact", "nobody lives there"))
    assert "nobody lives there" in gateway.get()["error"]
    authority.settings.faults = []
    gateway.configure(authority.directory, authority.root, contact="mailto:me@example.com")
    gateway.acmed.reload()
    assert gateway.wait()["failures"] == 0 and "error" not in gateway.get()


def test_a_correction_elsewhere(gateway, authority):  # noqa: F811
    """setup and attach say that a person was there, whatever changed: tried at once, and older errors are told no more."""
    fail(gateway, authority, Fault("newOrder", 403, "rejectedIdentifier", "not this one"))
    authority.settings.faults = []
    gateway.acmed.call("Retry")
    assert "not this one" not in gateway.get().get("error", "")
    before = gateway.wait()
    gateway.acmed.call("Retry")
    assert gateway.get()["keyId"] == before["keyId"] and authority.count("newOrder") == 2


def test_a_correction_elsewhere_is_no_permission(gateway, authority):  # noqa: F811
    """What the authority has asked for holds."""
    fail(gateway, authority, Fault(**LIMITED))
    gateway.acmed.call("Retry")
    assert 7000 < gateway.get()["nextUSec"] / 1e6 - time.time() < 7300 and authority.count("newOrder") == 1


def test_a_restart_is_no_correction(gateway, authority):  # noqa: F811
    """Our own patience outlives it, and so does the reason."""
    fail(gateway, authority, Fault("newOrder", 403, "rejectedIdentifier", "not this one"))
    before = gateway.get()
    gateway.acmed.kill()
    gateway.acmed.start()
    assert gateway.get() == before and authority.count("newOrder") == 1


def test_a_reload_without_change(gateway, authority):  # noqa: F811
    """Neither a failing certificate nor a valid one is ordered by it."""
    fail(gateway, authority, Fault("newOrder", 403, "rejectedIdentifier", "not this one"))
    for _ in range(3):
        gateway.acmed.reload()
    assert authority.count("newOrder") == 1 and "not this one" in gateway.get()["error"]
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=ZONE)
    before = gateway.wait()
    for _ in range(3):
        gateway.acmed.reload()
    assert gateway.get()["keyId"] == before["keyId"] and authority.count("newOrder") == 2


@pytest.mark.parametrize("field", ["nextUSec", "untilUSec", "adviceUSec", "dueUSec", "sinceUSec"])
def test_a_clock_that_was_ahead(gateway, authority, field):  # noqa: F811
    """What was noted while the clock was three years ahead counts for no longer than the schedule's own most."""
    limited, then = field == "untilUSec", int((time.time() + 3 * 365 * 86400) * 1e6)
    fail(gateway, authority, Fault(**LIMITED) if limited else Fault("newOrder", 403, "rejectedIdentifier", "no"))
    gateway.acmed.stop()
    if limited:
        path = gateway.house.root / "state/acmed/limits.json"
        noted, = json.loads(path.read_text())
        path.write_text(json.dumps([noted | {field: then}]))
    else:
        change_record(gateway, **{field: then})
    gateway.acmed.start()
    assert (6.9 * 86400 if limited else 0) < gateway.get()["nextUSec"] / 1e6 - time.time() <= (7 * 86400 if limited else 15 * 3600)


def test_a_renewal_is_not_moved(gateway, authority):  # noqa: F811
    """Months ahead is right for a certificate that is good."""
    begin(gateway, authority)
    before = gateway.wait_advice()["nextUSec"]
    gateway.acmed.kill()
    gateway.acmed.start()
    assert gateway.wait()["nextUSec"] == before > (time.time() + 50 * 86400) * 1e6


def test_metrics(gateway, authority):  # noqa: F811
    """Tries that failed since the last success; none of them behind one."""
    def failures():
        metrics = gateway.acmed.call("io.hagw.Service.GetMetrics")["metrics"]
        return {m["labels"]["name"]: m["value"] for m in metrics if m["name"] == "certificate_failures"}
    fail(gateway, authority, Fault("newOrder", 403, "rejectedIdentifier", "not this one"))
    assert failures() == {ZONE: 1}
    gateway.acmed.call("Renew", name=ZONE)
    until(lambda: failures() == {ZONE: 2}, 20, "the second refusal")
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=ZONE)
    gateway.wait()
    assert failures() == {ZONE: 0}


def test_a_removed_hosts_certificate(gateway, authority):  # noqa: F811
    """It ends, and nobody is called: neither status nor the metrics watch it any more."""
    gateway.hosts = {"deep": f"a.b.{ZONE}"}
    begin(gateway, authority)
    before = gateway.wait(f"a.b.{ZONE}")
    authority.settings.profiles["classic"].lifetime = 30.0
    authority.settings.backdate = 22.0  # all but over at once
    gateway.acmed.call("Renew", name=f"a.b.{ZONE}")
    gateway.changed(before, f"a.b.{ZONE}")
    gateway.hosts = {}
    gateway.configure(authority.directory, authority.root)
    gateway.acmed.reload()
    over = until(lambda: (c := gateway.get(f"a.b.{ZONE}")).get("state") == "expired" and c, 40, "the end")
    assert not over["wanted"] and gateway.get()["wanted"] and "EXPIRED" not in gateway.acmed.text()
    assert not [p for p in problems(gateway) if "Certificate a.b." in p]
    shown = Ctl(gateway.house).run("cert", "list").stdout
    assert "expired" in shown and "no longer asked for; hagw-ctl cert remove" in shown
    metrics = gateway.acmed.call("io.hagw.Service.GetMetrics")["metrics"]
    assert {m["labels"]["name"] for m in metrics if m["name"] == "certificate_expiry_seconds"} == {ZONE}


def test_an_order_that_takes_hours(gateway, authority):  # noqa: F811
    """The authority works on it and says for how long: it is no failure, and the same order is asked for then, by a restart too."""
    authority.settings.processing, authority.settings.processing_after = 3.0, 7200
    gateway.start(authority.directory, authority.root)
    waiting = until(lambda: (c := gateway.get()).get("error") and not c["ordering"] and c, 30, "the end of patience")
    assert "takes its time" in waiting["error"] and waiting["failures"] == 0 and waiting["state"] == "ordering"
    assert 7000 < waiting["nextUSec"] / 1e6 - time.time() < 7300
    gateway.acmed.kill()
    gateway.acmed.start()
    assert gateway.get()["nextUSec"] == waiting["nextUSec"]
    until(lambda: authority.orders()[0].status == "valid", 20, "the certificate")
    gateway.acmed.call("Renew", name=ZONE)
    check_certificate(gateway.wait(), gateway.keyd, [ZONE, f"*.{ZONE}"])
    assert authority.count("newOrder") == authority.count("finalize") == 1 and "error" not in gateway.get()


def test_an_order_that_came_to_nothing(gateway, authority):  # noqa: F811
    """What was left unfinished is not there any more: another order."""
    authority.settings.processing, authority.settings.processing_after = 600.0, 7200
    gateway.start(authority.directory, authority.root)
    until(lambda: (c := gateway.get()).get("error") and not c["ordering"], 30, "the end of patience")
    authority.book.orders.clear()
    authority.settings.processing, authority.settings.processing_after = 0.0, None
    gateway.acmed.call("Renew", name=ZONE)
    gateway.wait()
    assert authority.count("newOrder") == 2

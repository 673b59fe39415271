# SPDX-License-Identifier: LGPL-2.1-or-later
"""When hagw-acmed asks again: what the authority asks for holds, our own patience ends with a correction, an authority in trouble is
no refusal, and a wrong clock forbids nothing for years."""

import json
import time

import pytest

from acme_tools import ZONE, check_certificate, until
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


@pytest.mark.parametrize("fault", [Fault("newOrder", 500), Fault("newOrder", 502, body="<h1>Bad Gateway</h1>"),
                                   Fault("newOrder", 200, body="<h1>Welcome</h1>")], ids=["500", "502", "page"])
def test_an_authority_in_trouble(gateway, authority, fault):  # noqa: F811
    """It has not refused anything: asked again within a minute."""
    assert 0 < fail(gateway, authority, fault) < 60


def test_refusals_are_not_asked_again_soon(gateway, authority):  # noqa: F811
    assert 80 < fail(gateway, authority, Fault("newOrder", 403, "rejectedIdentifier", "not this one")) < 160


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


@pytest.mark.parametrize("field", ["nextUSec", "limitUSec", "adviceUSec", "dueUSec", "sinceUSec"])
def test_a_clock_that_was_ahead(gateway, authority, field):  # noqa: F811
    """What was noted while the clock was three years ahead counts for no longer than the schedule's own most."""
    fail(gateway, authority, Fault(**LIMITED) if field == "limitUSec" else Fault("newOrder", 403, "rejectedIdentifier", "no"))
    gateway.acmed.stop()
    change_record(gateway, **{field: int((time.time() + 3 * 365 * 86400) * 1e6)})
    gateway.acmed.start()
    most = 7 * 86400 if field == "limitUSec" else 15 * 3600
    assert 0 < gateway.get()["nextUSec"] / 1e6 - time.time() <= most


def test_a_renewal_is_not_moved(gateway, authority):  # noqa: F811
    """Months ahead is right for a certificate that is good."""
    begin(gateway, authority)
    before = gateway.wait_advice()["nextUSec"]
    gateway.acmed.kill()
    gateway.acmed.start()
    assert gateway.wait()["nextUSec"] == before > (time.time() + 50 * 86400) * 1e6


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
    shown = Ctl(gateway.house).run("--json", "status", "--no-delegation")
    assert not [p for p in json.loads(shown.stdout)["problems"] if "Certificate a.b." in p]
    assert "expired, no longer asked for" in Ctl(gateway.house).run("cert", "list").stdout
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

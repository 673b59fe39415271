# SPDX-License-Identifier: LGPL-2.1-or-later
"""What strangers say reaches nobody's terminal as it is: not through hagw-ctl, not through a log line, not through STATUS=."""

import json
import re
import socket
import threading

import pytest

from acme_tools import ZONE, Acme, until
from ctl_tools import FAILED, ctl, terminal  # noqa: F401 (fixtures)
from tenant_tools import Relay
from test_acmed_hostile import Hostile, problem

# A colour, a title, C1 in UTF-8, a direction, a line of its own, something that is not to be seen.
HOSTILE = "x\x1b[31m\x1b]0;t\x07\u009b2J\u202egnp.\u2066\r\nEverything is fine.\t\x7f\u200b"
BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def harmless(text, lines=False):
    """lines: it is text of several lines by its nature."""
    assert not (found := BAD.findall(text)), (found, text)
    assert lines or not re.search("^Everything is fine", text, re.M), text
    return text


def hostile(value):
    """The same reply with every text in it replaced, but those that stand for something."""
    if isinstance(value, dict):
        return {k: hostile(v) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(v) for v in value]
    return HOSTILE if value == "" else value


CERTIFICATE = {"name": "", "names": ["", ""], "state": "", "source": "", "keyId": "", "error": "", "failures": 3, "chain": "",
               "notBeforeUSec": 1, "notAfterUSec": 2, "nextUSec": 3}
ACCOUNT = {"directory": "", "configured": True, "accountUri": "", "keyId": "", "keyIsChanging": True, "contact": "",
           "certificates": ["", ""], "former": [""]}
HOST = {"name": "ha.home.test", "upstream": "", "health": "failing", "error": "", "loaded": True, "requests": 1, "active": 0}
TENANT = {"name": "anna", "zone": "", "note": "", "createdUSec": 1, "domains": ["", ""], "accountUri": "", "received": 1,
          "tokens": [{"tokenId": "", "createdUSec": 1}]}
REPLIES = {
    "io.hagw.Acme": {"Watch": {"certificates": [CERTIFICATE]}, "ListAccounts": {"accounts": [ACCOUNT]},
                     "LookAtAccount": {"state": "", "why": "", "contacts": ["", ""]},
                     "NewAccount": {"accountUri": "", "former": "", "deactivated": False, "pending": True, "why": ""},
                     "ChangeAccountKey": {"accountUri": "", "keyId": ""},
                     "Revoke": {"revoked": 1, "refused": 1, "pending": 1, "why": "", "ordered": False}},
    "io.hagw.Dns": {"ListZones": {"zones": [{"name": "home.test", "serial": 1, "nameServers": [""]}]}},
    "io.hagw.Key": {},
    "io.hagw.Net": {"Watch": {"addresses": [{"family": "ipv4", "source": "", "address": "", "error": "", "confirmedUSec": 1}]}},
    "io.hagw.Proxy": {"ListHosts": {"hosts": [HOST]}, "Probe": {"host": HOST, "status": 400, "advice": ""},
                      "DescribeRelay": {"relay": {"state": "waiting", "error": "", "relay": ""}},
                      "ListAttachments": {"attachments": [{"tenant": "anna", "address": "", "machine": "", "software": "",
                                                           "sinceUSec": 1, "waiting": 1, "visitors": 1}],
                                          "refused": [{"tenant": "anna", "reason": "", "text": "", "count": 1, "lastUSec": 1}]}},
    "io.hagw.Tenant": {"List": {"tenants": [TENANT]}, "Get": {"tenant": TENANT},
                       "GetUsage": {"usage": [{"tenant": "", "month": "2026-11", "received": 1, "sent": 1, "visitors": 1}]}},
    "io.hagw.Web": {"ListUsers": {"users": [{"name": "", "hosts": [""], "groups": [""], "createdUSec": 1}]},
                    "ListSessions": {"sessions": [{"id": "", "user": "", "host": "", "address": "", "userAgent": "",
                                                   "createdUSec": 1, "lastUsedUSec": 1, "expiresUSec": 2}]},
                    "ListRefusals": {"refusals": [{"user": "", "network": "", "wrong": 1, "early": 1}]}},
}
DESCRIBE = {"daemon": "", "version": "", "pid": 1, "startedUSec": 1, "reloadedUSec": 1, "status": "", "configError": ""}


class Stub:
    """In every daemon's place, and broken into: says what it likes."""

    def __init__(self, runtime):
        self.listeners = []
        for interface, replies in REPLIES.items():
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(runtime / interface))
            listener.listen(32)
            self.listeners.append(listener)
            threading.Thread(target=self.serve, args=(listener, interface, replies), daemon=True).start()

    def serve(self, listener, interface, replies):
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client, interface, replies), daemon=True).start()

    @staticmethod
    def talk(client, interface, replies):
        with client:
            buffer = b""
            while data := client.recv(65536):
                *calls, buffer = (buffer + data).split(b"\0")
                for call in calls:
                    method = json.loads(call)["method"]
                    name = method.rsplit(".", 1)[1]
                    if name == "Describe":
                        reply = {"parameters": hostile(DESCRIBE)}
                    elif name in replies:
                        reply = {"parameters": hostile(replies[name])}
                    else:
                        reply = {"error": "io.hagw.Proxy.RelayUnreachable", "parameters": {"reason": HOSTILE}}
                    client.sendall(json.dumps(reply).encode() + b"\0")

    def close(self):
        [s.close() for s in self.listeners]


@pytest.fixture
def stub(ctl):  # noqa: F811
    ctl.house.configure('zones = ( { name = "home.test"; } );\nrelay: { address = "relay.test"; tenant = "anna"; };\n'
                        'tenants: { zone = "home.test"; };\n', ha='name = "ha.home.test"; upstream = "http://192.0.2.1";')
    s = Stub(ctl.house.runtime)
    yield ctl
    s.close()


VERBS = ["status --no-delegation", "user list", "session list", "host list", "host show ha", "cert list", f"cert show {HOSTILE}",
         f"cert show {HOSTILE} --chain", "cert account show", "cert account new", "cert account rollover", "cert revoke --all",
         f"cert revoke {HOSTILE} --reason={HOSTILE}", f"cert account {HOSTILE}", "cert show else", "tenant list", "tenant show anna", "tenant usage", "address", "user remove x",
         "complete user remove ", "complete cert show ", "key list", "reload", "session revoke y", f"host show {HOSTILE}", f"{HOSTILE}",
         f"--{HOSTILE}", f"user add {HOSTILE}"]


@pytest.mark.parametrize("verb", VERBS, ids=[v.split(HOSTILE)[0].strip() or str(i) for i, v in enumerate(VERBS)])
def test_every_verb(stub, verb):
    words = [HOSTILE if w == "H" else w for w in verb.replace(HOSTILE, "H").replace("--H", "H").split(" ")]
    r = stub.run(*words)
    lines = "--chain" in words
    harmless(r.stdout, lines), harmless(r.stderr)
    shown, _ = terminal(stub, words, [])
    # Our own colours, and nothing else.
    harmless(re.sub("\x1b\\[[0-9;]*m", "", shown).replace("\r\n", "\n"), lines)
    assert "\x1b[31mx" not in shown and "x\x1b[31m" not in shown


def texts(value):
    if isinstance(value, (dict, list)):
        return [t for v in (value.values() if isinstance(value, dict) else value) for t in texts(v)]
    return [value] if isinstance(value, str) else []


def test_json_stays_exact(stub):
    v = json.loads(stub.run("--json", "status", "--no-delegation").stdout)
    assert v["certificates"][0]["error"] == HOSTILE and v["sessions"][0]["userAgent"] == HOSTILE
    assert any(HOSTILE in p for p in v["problems"])
    assert stub.json("user", "list")["users"][0]["name"] == HOSTILE
    assert HOSTILE in json.loads(stub.refused(FAILED, "--json", "cert", "show", HOSTILE + "y"))["error"]


@pytest.mark.parametrize("words", [["status", "--no-delegation"], ["user", "list"], ["tenant", "list"], ["tenant", "show", "anna"],
                                   ["cert", "list"], ["cert", "show", HOSTILE], ["session", "list"]])
def test_json_on_a_terminal(stub, words):
    """JSON has another spelling for what a terminal would obey, and it is read as the same."""
    shown, _ = terminal(stub, ["--json", *words], [])
    shown = harmless(re.sub("\x1b\\[[0-9;]*m", "", shown).replace("\r\n", "\n"))
    assert any(HOSTILE in t for t in texts(json.loads(shown)))
    harmless(stub.run("--json", *words).stdout)


def test_hostile_authority(house, ctl):  # noqa: F811
    """An authority's problem document, through a real hagw-acmed: log, STATUS=, hagw-ctl."""
    authority = Hostile(house.root)
    authority.poison["order"] = problem("rejectedIdentifier", 403, HOSTILE)
    Acme(house).start(f"{authority.url}/dir", authority.root)
    try:
        until(lambda: ctl.run("cert", "list").stdout and "failed" in ctl.run("cert", "list").stdout)
        shown = harmless(ctl.run("cert", "show", ZONE).stdout)
        assert "gnp." in shown and "\\u202e" in shown
        harmless(ctl.run("status", "--no-delegation").stdout)
        assert "\u202egnp." in json.loads(ctl.run("--json", "cert", "show", ZONE).stdout)["error"]
        for daemon in house.daemons:
            harmless(daemon.text()), harmless(daemon.status)
    finally:
        authority.close()


def test_hostile_note(ctl):  # noqa: F811
    relay = Relay(ctl.house)
    relay.call("Add", name="anna", note="\u009b2J\u202eenoyreve\u2069")
    for words in (["tenant", "list"], ["tenant", "show", "anna"]):
        r = ctl.run(*words)
        assert "\\u009b2J\\u202e" in harmless(r.stdout)
    assert json.loads(ctl.run("--json", "tenant", "show", "anna").stdout)["note"].startswith("\u009b")

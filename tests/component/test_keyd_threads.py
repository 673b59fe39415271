# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-keyd does several things at once: neither a key that is made, nor a disk that hangs, nor a slow signature keeps a handshake
waiting; what waits is bounded; nothing is lost by an end in the middle."""

import base64
import json
import pathlib
import select
import signal
import subprocess
import sys

import pytest
from conftest import VarlinkError
from proxyhouse import pem_of, rsa_key
from seccomp_hold import Hold
from test_keyd import TLS13, b64, refused, verify
from test_keyd_token import TOKEN

SCHEMES = {"ecdsa-p256": "ecdsa_secp256r1_sha256", "rsa-2048": "rsa_pss_rsae_sha256", "rsa-4096": "rsa_pss_rsae_sha256"}
# hagw-keyd/keyd.h
HANDSHAKES_MAX, SIGNATURES_MAX, KEYS_MADE_MAX, WRITES_MAX, TOKEN_READS_MAX = 72, 16, 8, 16, 16


def limit(name):
    text = (pathlib.Path(__file__).parents[2] / "hagw-keyd" / "keyd.h").read_text()
    return int(text.split(f"#define {name} ")[1].split("U")[0])


@pytest.fixture
def keyd(house):
    return house.daemon("keyd", "io.hagw.Key")


@pytest.fixture
def hold(tmp_path):
    h = Hold(tmp_path)
    yield h
    h.close()


def ask(daemon, method, **parameters):
    """A connection on which the call is under way. What is not accepted yet would outlive the daemon: its socket is the service
    manager's."""
    v = daemon.varlink(timeout=60)
    v.send("io.hagw.Service.Describe", {})
    v.receive()
    v.send(f"io.hagw.Key.{method}", parameters)
    return v


def answered(links):
    """Those that have an answer by now."""
    poll = select.poll()
    for v in links:
        poll.register(v.socket, select.POLLIN)
    ready = {fd for fd, _ in poll.poll(0)}
    return [v for v in links if v.buffer or v.socket.fileno() in ready]


def key_of(daemon, algorithm):
    """One for the daemon to sign with. RSA ones are not made for each test."""
    if not algorithm.startswith("rsa-"):
        return daemon.call("Generate", purpose="tls", algorithm=algorithm)["key"]
    return daemon.call("Import", purpose="tls", pem=pem_of(rsa_key(int(algorithm[4:]))).decode())["key"]


def sign(daemon, key, algorithm):
    signature = daemon.call("SignHandshake", id=key["id"], scheme=SCHEMES[algorithm], data=b64(TLS13))["signature"]
    verify(key, SCHEMES[algorithm], TLS13, base64.b64decode(signature))


def outcome(v):
    """The id of the key, or the error's last word."""
    try:
        return v.receive()["parameters"]["key"]["id"]
    except VarlinkError as e:
        return e.name.rpartition(".")[2]


def test_limits_are_as_here():
    for name in ("HANDSHAKES_MAX", "SIGNATURES_MAX", "KEYS_MADE_MAX", "WRITES_MAX", "TOKEN_READS_MAX"):
        assert limit(name) == globals()[name]


def test_keys_being_made(keyd, house):
    """As many as may wait, and some more. Signatures go on meanwhile, and a stop waits for the keys that it promised."""
    keys = {a: key_of(keyd, a) for a in ("ecdsa-p256", "rsa-2048")}
    links = [ask(keyd, "Generate", purpose="tls", algorithm="rsa-3072") for _ in range(KEYS_MADE_MAX + 5)]
    for algorithm, key in keys.items():
        sign(keyd, key, algorithm)
    busy = [v for v in answered(links) if outcome(v) == "Busy"]
    waiting = [v for v in links if v not in busy]
    metrics = {m["name"]: m["value"] for m in keyd.call("io.hagw.Service.GetMetrics")["metrics"]}
    assert busy and metrics["key_busy"] == len(busy)
    assert len(waiting) >= KEYS_MADE_MAX and len(answered(waiting)) < len(waiting)
    keyd.process.send_signal(signal.SIGTERM)
    assert keyd.stopping.acquire(timeout=30)
    # Nothing new is made; what is to be signed is signed until the end.
    refused("Busy", keyd, "Generate", purpose="tls")
    for algorithm, key in keys.items():
        sign(keyd, key, algorithm)
    assert len(answered(waiting)) < len(waiting)
    made = [outcome(v) for v in waiting]
    assert keyd.process.wait(30) == 0
    keyd.start()
    held = {k["id"] for k in keyd.call("List")["keys"]}
    assert held >= {*made, *(k["id"] for k in keys.values())}


def test_killed_while_a_key_is_made(keyd, house):
    before = keyd.call("List")["keys"]
    link = ask(keyd, "Generate", purpose="tls", algorithm="rsa-4096")
    keyd.call("List")
    keyd.kill()
    with pytest.raises(ConnectionError):
        link.receive()
    keyd.start()
    assert keyd.call("List") == {"keys": before, "broken": []}
    assert list((house.root / "state" / "keyd").iterdir()) == []


def test_slow_signatures_are_overtaken(keyd):
    """One connection always has a slow signature under way; another's are answered beside it, by another thread."""
    keys = {a: key_of(keyd, a) for a in SCHEMES}
    n = 30
    with keyd.varlink(timeout=60) as slow:
        request = {"method": "io.hagw.Key.SignHandshake",
                   "parameters": {"id": keys["rsa-4096"]["id"], "scheme": SCHEMES["rsa-4096"], "data": b64(TLS13)}}
        slow.socket.sendall((json.dumps(request).encode() + b"\0") * n)
        slow.receive()
        for algorithm in ("ecdsa-p256", "rsa-2048"):
            sign(keyd, keys[algorithm], algorithm)
        slow.send("io.hagw.Service.Describe", {})
        received = 1
        while answered([slow]):
            slow.receive()
            received += 1
        assert received < n
        for _ in range(n - received):
            assert slow.receive()["parameters"]["signature"]
        assert slow.receive()["parameters"]["name"] == "hagw-keyd"
    names = [p.read_text().strip() for p in pathlib.Path(f"/proc/{keyd.process.pid}/task").glob("*/comm")]
    assert 2 <= names.count("sign") <= 4 and names.count("make") == 1 and names.count("write") == 1


MANY = """
import json, os, sys
path, uid, n, message = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
os.setgroups([])
os.setuid(uid)
sys.path.insert(0, sys.argv[1])
from conftest import Varlink, VarlinkError
links = [Varlink(path, 60) for _ in range(n)]
print("ready", flush=True)
sys.stdin.readline()
for v in links:
    v.socket.sendall(message.encode() + b"\\0")
print("sent", flush=True)
results = {}
for v in links:
    try:
        v.receive()
        result = "signed"
    except VarlinkError as e:
        result = e.name
    results[result] = results.get(result, 0) + 1
print(json.dumps(results), flush=True)
"""


@pytest.mark.parametrize("method, user, waiting", [("SignHandshake", "proxyd", HANDSHAKES_MAX), ("MakeRequest", "acmed", SIGNATURES_MAX)])
def test_signatures_that_wait(keyd, house, hagw_users, method, user, waiting):
    """More than a hagw-proxyd has connections: two users ask for a slow signature on all of theirs, while keyd stands still."""
    key = key_of(keyd, "rsa-4096")["id"]
    parameters = {"SignHandshake": {"scheme": SCHEMES["rsa-4096"], "data": b64(TLS13)}, "MakeRequest": {"names": ["a.example.com"]}}
    message = json.dumps({"method": f"io.hagw.Key.{method}", "parameters": {"id": key, **parameters[method]}})
    house.open_to_all()
    keyd.path.chmod(0o666)
    here = pathlib.Path(__file__).parent
    callers = []
    for uid, n in ((0, 60), (hagw_users[user], 60)):
        callers.append(subprocess.Popen([sys.executable, "-B", "-c", MANY, here, keyd.path, str(uid), str(n), message],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert callers[-1].stdout.readline() == "ready\n"
    keyd.call("List")  # all connections are accepted
    keyd.process.send_signal(signal.SIGSTOP)
    for c in callers:
        c.stdin.write("\n")
        c.stdin.flush()
        assert c.stdout.readline() == "sent\n"
    keyd.process.send_signal(signal.SIGCONT)
    results = [json.loads(c.communicate(timeout=60)[0]) for c in callers]
    busy = sum(r.get("io.hagw.Key.Busy", 0) for r in results)
    signed = sum(r.get("signed", 0) for r in results)
    assert busy + signed == 120 and signed >= waiting and busy > 0
    assert keyd.call("SignHandshake", id=key, scheme=SCHEMES["rsa-4096"], data=b64(TLS13))


def test_disk_hangs(house, hold):
    """A write that does not end holds up other writes, in a queue with an end, and nothing else."""
    keyd = house.daemon("keyd", "io.hagw.Key", wrapper=hold.wrapper)
    keys = {a: key_of(keyd, a) for a in ("ecdsa-p256", "rsa-2048")}
    account = keyd.call("Generate", purpose="account")["key"]["id"]
    keyd.call("ImportToken", token=TOKEN)
    hold.hold()
    links = [ask(keyd, "Generate", purpose="tls")]
    hold.wait_until_held()
    for algorithm, key in keys.items():
        sign(keyd, key, algorithm)
    assert keyd.call("MakeRequest", id=keys["rsa-2048"]["id"], names=["a.example.com"])
    assert keyd.call("SignJws", id=account, protected='{"url":"u","kid":"k"}', payload="", includeKey=False)
    # The key that is being written is no key yet; the relay's token waits, because it is a file.
    assert len(keyd.call("List")["keys"]) == 3
    tokens = [ask(keyd, "GetToken") for _ in range(TOKEN_READS_MAX)]
    refused("Busy", keyd, "ProveToken", binding=b64(bytes(32)))
    writes = [ask(keyd, "ImportToken", token=TOKEN.replace("anna", f"anna{i}")) for i in range(WRITES_MAX)]
    refused("Busy", keyd, "ImportToken", token=TOKEN)
    refused("Busy", keyd, "Generate", purpose="tls")
    refused("Busy", keyd, "Remove", id=keys["rsa-2048"]["id"])
    sign(keyd, keys["rsa-2048"], "rsa-2048")
    assert answered([*links, *writes, *tokens]) == []
    hold.release()
    made = [outcome(v) for v in links]
    # Reading comes first; the rest is done in the order in which it was asked.
    assert [v.receive()["parameters"]["tenant"] for v in tokens][0] == "anna"
    [v.receive() for v in writes]
    assert keyd.call("GetToken")["tenant"] == f"anna{WRITES_MAX - 1}"
    assert {k["id"] for k in keyd.call("List")["keys"]} == {*made, account, *(k["id"] for k in keys.values())}


def test_key_in_use_is_removed(house, hold):
    keyd = house.daemon("keyd", "io.hagw.Key", wrapper=hold.wrapper)
    key = key_of(keyd, "rsa-2048")
    hold.hold()
    removal = ask(keyd, "Remove", id=key["id"])
    hold.wait_until_held()
    sign(keyd, key, "rsa-2048")
    refused("Busy", keyd, "Remove", id=key["id"])
    # Signatures that are asked for before the end of it are made, however the two cross.
    links = [ask(keyd, "SignHandshake", id=key["id"], scheme=SCHEMES["rsa-2048"], data=b64(TLS13)) for _ in range(8)]
    assert keyd.call("List")["keys"] == [key]
    hold.release()
    removal.receive()
    assert all(v.receive()["parameters"]["signature"] for v in links)
    refused("NoSuchKey", keyd, "Get", id=key["id"])


def test_killed_while_the_disk_hangs(house, hold):
    """What was answered is there, what was not is not half there."""
    keyd = house.daemon("keyd", "io.hagw.Key", wrapper=hold.wrapper)
    key = keyd.call("Generate", purpose="tls")["key"]
    hold.hold()
    links = [ask(keyd, "Generate", purpose="tls"), ask(keyd, "Generate", purpose="account")]
    hold.wait_until_held()
    keyd.kill()
    hold.release()
    for v in links:  # the one that had not begun may hear so before the end
        with pytest.raises((ConnectionError, VarlinkError)):
            v.receive()
    keyd.start()
    assert keyd.call("List") == {"keys": [key], "broken": []}
    assert [p.name for p in (house.root / "state" / "keyd").iterdir()] == [f"{key['id']}.key"]


def test_stop_while_the_disk_hangs(house, hold):
    """It waits for the disk, serving; a second signal waits only for the write that is under way."""
    keyd = house.daemon("keyd", "io.hagw.Key", wrapper=hold.wrapper)
    key = keyd.call("Generate", purpose="tls")["key"]
    hold.hold()
    links = [ask(keyd, "Generate", purpose="tls"), ask(keyd, "Generate", purpose="tls")]
    hold.wait_until_held()
    keyd.process.send_signal(signal.SIGTERM)
    assert keyd.stopping.acquire(timeout=30)
    refused("Busy", keyd, "Generate", purpose="tls")
    sign(keyd, key, "ecdsa-p256")
    keyd.process.send_signal(signal.SIGTERM)
    assert keyd.stopping.acquire(timeout=30)
    hold.release()
    assert keyd.process.wait(30) == 0
    for v in links:  # the one that had not begun may hear so before the end
        with pytest.raises((ConnectionError, VarlinkError)):
            v.receive()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests' own certificate authority, asked by a client that shares no code with hagw-acmed. A test against a judge is worth
what the judge is worth."""

import asyncio
import datetime
import http.server
import json
import pathlib
import signal
import subprocess
import sys
import threading
import types

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from acme_tools import until
from authority_tools import Authority, Client, Fault, Knot, Profile, Refused, Settings
from dns_tools import NameServer
from authority import caa, pki
from authority.jose import encode
from authority.problem import Problem
from authority.view import View

US, ME, OTHER = "authority.example", "https://authority.example/account/1", "https://authority.example/account/2"
ZONE_TEXT = f"""
plain A 127.0.0.1
us CAA 0 issue "{US}"
us CAA 0 iodef "mailto:me@example.com"
iodef CAA 0 iodef "mailto:me@example.com"
upper CAA 0 ISSUE "Authority.Example"
them CAA 0 issue "other.example"
both CAA 0 issue "other.example"
both CAA 0 issue "{US}"
nobody CAA 0 issue ";"
empty CAA 0 issue ""
mine CAA 0 issue "{US}; accounturi={ME}"
spaces CAA 0 issue "  {US} ;  accounturi = {ME}  ; "
others CAA 0 issue "{US}; accounturi={OTHER}"
dnsonly CAA 0 issue "{US}; validationmethods=dns-01"
methods CAA 0 issue "{US}; validationmethods=http-01,dns-01"
httponly CAA 0 issue "{US}; validationmethods=http-01"
everything CAA 0 issue "{US}; accounturi={ME}; validationmethods=dns-01"
twice CAA 0 issue "{US}; accounturi={ME}; accounturi={ME}"
unknown CAA 0 issue "{US}; colour=blue"
malformed CAA 0 issue "{US} {ME}"
nothing CAA 0 issue "{US}; accounturi"
wild CAA 0 issue "other.example"
wild CAA 0 issuewild "{US}"
nowild CAA 0 issue "{US}"
nowild CAA 0 issuewild ";"
onlywild CAA 0 issuewild "other.example"
critical CAA 128 tbs "later"
critical CAA 0 issue "{US}"
knowncritical CAA 128 issue "{US}"
harmless CAA 0 tbs "later"
harmless CAA 0 issue "{US}"
alias CNAME them
alias2 CNAME alias
aliasus CNAME us
own.them CAA 0 issue "{US}"
below.us A 127.0.0.1
loop1 CNAME loop2
loop2 CNAME loop1
outside CNAME name.elsewhere.example.
"""
# name, account, method, whether it may
TABLE = [
    ("plain", ME, "dns-01", True), ("us", ME, "dns-01", True), ("us", OTHER, "http-01", True), ("iodef", ME, "dns-01", True),
    ("upper", ME, "dns-01", True), ("them", ME, "dns-01", False), ("both", ME, "dns-01", True), ("nobody", ME, "dns-01", False),
    ("empty", ME, "dns-01", False), ("mine", ME, "dns-01", True), ("mine", OTHER, "dns-01", False), ("spaces", ME, "dns-01", True),
    ("others", ME, "dns-01", False), ("dnsonly", ME, "dns-01", True), ("dnsonly", ME, "http-01", False), ("methods", ME, "dns-01", True),
    ("httponly", ME, "dns-01", False), ("everything", ME, "dns-01", True), ("everything", ME, "http-01", False),
    ("everything", OTHER, "dns-01", False), ("twice", ME, "dns-01", False), ("unknown", ME, "dns-01", True),
    ("malformed", ME, "dns-01", False), ("nothing", ME, "dns-01", False), ("wild", ME, "dns-01", False), ("*.wild", ME, "dns-01", True),
    ("nowild", ME, "dns-01", True), ("*.nowild", ME, "dns-01", False), ("onlywild", ME, "dns-01", True),
    ("*.onlywild", ME, "dns-01", False), ("*.us", ME, "dns-01", True), ("*.them", ME, "dns-01", False), ("critical", ME, "dns-01", False),
    ("knowncritical", ME, "dns-01", True), ("harmless", ME, "dns-01", True),
    # Climbing, and aliases: of the name, not of where it leads.
    ("a.b.c.them", ME, "dns-01", False), ("a.b.c.us", ME, "dns-01", True), ("below.us", ME, "dns-01", True),
    ("own.them", ME, "dns-01", True), ("x.own.them", ME, "dns-01", True), ("alias", ME, "dns-01", False), ("alias2", ME, "dns-01", False),
    ("aliasus", ME, "dns-01", True), ("x.alias", ME, "dns-01", False), ("outside", ME, "dns-01", True),
    ("loop1", ME, "dns-01", False), ("x.loop1", ME, "dns-01", False),
]


def judged(servers, name, account=ME, method="dns-01", **settings):
    """None, or the reason."""
    try:
        asyncio.run(caa.judge(View(Settings(servers=servers, **settings)), name, (US,), account, method))
    except Problem as e:
        assert e.kind == "caa" and e.identifier == name.removeprefix("*.")
        return e.detail
    return None


@pytest.fixture(scope="module")
def knot(tmp_path_factory):
    k = Knot(tmp_path_factory.mktemp("knot"), "example.org", ZONE_TEXT)
    yield k
    k.stop()


def test_caa(knot):
    wrong = {(name, account, method): reason for name, account, method, may in TABLE
             if ((reason := judged(knot.servers, f"{name}.example.org", account, method)) is None) != may}
    assert wrong == {}


def test_caa_that_cannot_be_known(knot):
    """SERVFAIL, REFUSED, silence: all forbid. So does an alias into them."""
    assert "cannot be known" in judged({"org": knot.servers["example.org"]}, "other.org"), "refused by knot"
    silent = {"example.org": ("127.0.0.1", 9)}
    assert "cannot be known" in judged(silent, "us.example.org", dns_timeout=0.3)
    assert "cannot be known" in judged({**knot.servers, "elsewhere.example": ("127.0.0.1", 9)}, "outside.example.org", dns_timeout=0.3)


def test_caa_of_hagw_dnsd(house):
    """The same questions to another server: records at the apex count for all names below."""
    dns = NameServer(house)
    servers = {"home.example.com": ("127.0.0.1", dns.port)}
    assert "letsencrypt.org" in judged(servers, "ha.home.example.com")
    house.configure(dns.config.replace("letsencrypt.org", f"{US}; accounturi={ME}; validationmethods=dns-01"))
    dns.daemon.reload()
    for name in ("ha.home.example.com", "*.home.example.com", "home.example.com"):
        assert judged(servers, name) is None
        assert judged(servers, name, OTHER) and judged(servers, name, method="http-01")


def test_kept_answers(house):
    """With dns_cache an answer counts for its TTL, and a new line is not seen before."""
    dns = NameServer(house)
    view = View(Settings(servers={"home.example.com": ("127.0.0.1", dns.port)}, dns_cache=True))

    def values():
        return [r.value.decode() for r in asyncio.run(view.ask("home.example.com", "CAA")).records]

    before = values()
    house.configure(dns.config.replace("90s", "1s").replace("letsencrypt.org", US))
    dns.daemon.reload()
    assert values() == before
    view.kept = {k: (answer, at - 90) for k, (answer, at) in view.kept.items()}
    assert US in values() and US not in before


# --- orders ---

class Web:
    """Answers HTTP-01 on a port of 127.0.0.1, for any name."""

    def __init__(self):
        answers = self.answers = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = answers.get(self.path.rpartition("/")[2], "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def web():
    w = Web()
    yield w
    w.server.shutdown()
    w.server.server_close()


@pytest.fixture
def authority(tmp_path, knot, web):
    a = Authority(tmp_path, servers=knot.servers, http_port=web.port, poll_after=None)
    yield a
    a.stop()


@pytest.fixture
def client(authority):
    c = Client(authority)
    c.register(contact=["mailto:me@example.com"])
    return c


def by_http(client, web, *names, key=None, **more):
    """An order, carried out. The names are knot's plain, us, ... or below them."""
    order = client.order(*(f"{n}.example.org" for n in names), **more)
    ends = client.prove(order, "http-01", lambda name, token, value: web.answers.update({token: f"{token}.{client.thumbprint}"}))
    assert all(a["status"] == "valid" for a in ends), ends
    return client.finish(order, key)


def refused(kind, f, *args, status=None, **keys):
    with pytest.raises(Refused) as e:
        f(*args, **keys)
    assert e.value.type == kind and (status is None or e.value.status == status), e.value
    return e.value


def test_certificate_by_http(authority, client, web):
    key = ec.generate_private_key(ec.SECP256R1())
    chain = by_http(client, web, "below.us", key=key)
    assert chain[0].public_key() == key.public_key() and len(chain) == 2
    chain[0].verify_directly_issued_by(chain[1])
    root = x509.load_pem_x509_certificate(authority.root.read_bytes())
    chain[1].verify_directly_issued_by(root)
    san = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["below.us.example.org"]
    # The other chain ends in another root.
    url = authority.certificates()[0].url
    text, headers = client.post(url)
    assert f'<{url}/other>;rel="alternate"' in headers.get_all("Link")
    other = x509.load_pem_x509_certificates(client.post(f"{url}/other")[0].encode())
    assert other[0] == chain[0] and other[1] != chain[1]
    refused("unauthorized", (second := Client(authority)).register() and second.post, url)


def test_wrong_answers(authority, client, web):
    ends = client.prove(client.order("plain.example.org"), "http-01", lambda *_: None)
    assert ends[0]["status"] == "invalid" and "404" in next(c for c in ends[0]["challenges"] if c["type"] == "http-01")["error"]["detail"]
    ends = client.prove(client.order("plain.example.org"), "http-01", lambda n, token, v: web.answers.update({token: "x"}))
    assert ends[0]["status"] == "invalid"
    ends = client.prove(client.order("plain.example.org"), "dns-01", lambda *_: None)
    assert ends[0]["status"] == "invalid"


def test_certificate_by_dns(tmp_path, house):
    """Apex and wildcard with the values in hagw-dnsd; CAA there is judged at validation and again at the end."""
    dns = NameServer(house, f'zones = ( {{ name = "{(zone := "home.example.com")}"; }} );\ndns: {{ rate_limit = 0; }};\n', hosts={})
    a = Authority(tmp_path, servers={zone: ("127.0.0.1", dns.port)}, reject_nonces=30)
    c = Client(a)
    c.register()

    def publish(name, token, value):
        dns.publish(f"_acme-challenge.{name}", value)

    order = c.order(zone, f"*.{zone}")
    assert [e["status"] for e in c.prove(order, "dns-01", publish)] == ["valid", "valid"]
    assert len(c.finish(order)) == 2
    order = c.order(zone)
    assert [e["status"] for e in c.prove(order, "dns-01", publish)] == ["valid"]
    house.configure(dns.config.replace("}", f'caa = ( "{US}; accounturi={OTHER}" ); }}', 1))
    dns.daemon.reload()
    ended = c.finish(order)
    assert ended["status"] == "invalid" and ended["error"]["type"].endswith(":caa") and OTHER in ended["error"]["detail"]
    ends = c.prove(c.order(f"x.{zone}"), "dns-01", publish)
    assert [x["error"]["type"] for x in ends[0]["challenges"] if "error" in x] == ["urn:ietf:params:acme:error:caa"]
    a.settings.judge_caa = False
    order = c.order(f"x.{zone}")
    c.prove(order, "dns-01", publish)
    assert len(c.finish(order)) == 2
    a.stop()


def test_names(client):
    for name in ("x", "1.2.3.4", "a..example.org", "A.example.org", "*.*.example.org", "a.*.example.org", "x" * 64 + ".example.org"):
        refused("rejectedIdentifier", client.order, name)
    refused("malformed", client.order)
    refused("malformed", client.order, "a.example.org", "a.example.org")
    refused("unsupportedIdentifier", client.post, client.urls["newOrder"], {"identifiers": [{"type": "ip", "value": "127.0.0.1"}]})
    client.authority.settings.blocked = ("bad.example.org",)
    assert refused("rejectedIdentifier", client.order, "x.bad.example.org", "good.example.org", "bad.example.org").document["subproblems"]
    wild = client.post(client.order("*.example.org")["authorizations"][0])[0]
    assert wild["wildcard"] and [c["type"] for c in wild["challenges"]] == ["dns-01"]


def test_requests_of_certificates(authority, client, web):
    order = client.order("plain.example.org")
    refused("orderNotReady", client.finish, order)
    client.prove(order, "http-01", lambda n, token, v: web.answers.update({token: f"{token}.{client.thumbprint}"}))
    for names, keys in ((["us.example.org"], {}), (["plain.example.org", "us.example.org"], {}),
                        (["plain.example.org"], {"common_name": "us.example.org"})):
        refused("badCSR", client.post, order["finalize"], client.request(names, **keys))
    refused("badPublicKey", client.post, order["finalize"], client.request(["plain.example.org"], client.key))
    refused("badPublicKey", client.post, order["finalize"], client.request(["plain.example.org"], rsa.generate_private_key(65537, 1024)))
    refused("badCSR", client.post, order["finalize"], {"csr": encode(b"nonsense")})
    assert len(client.finish(order)) == 2
    refused("orderNotReady", client.finish, order)


# --- accounts ---

def test_accounts(authority):
    c = Client(authority)
    refused("accountDoesNotExist", c.register, onlyReturnExisting=True)
    refused("userActionRequired", c.register, termsOfServiceAgreed=False)
    refused("unsupportedContact", c.register, contact=["tel:1"])
    refused("invalidContact", c.register, contact=["mailto:nobody"])
    c.register()
    again = Client(authority, c.key)
    again.register(onlyReturnExisting=True)
    assert again.url == c.url and c.post(c.url, {"contact": ["mailto:me@example.com"]})[0]["contact"] == ["mailto:me@example.com"]
    other = Client(authority)
    other.register()
    refused("unauthorized", other.post, c.url)
    key = ec.generate_private_key(ec.SECP256R1())

    def change(old, new):
        inner = c.sign({"account": c.url, "oldKey": c.jwk(old)}, {"alg": "ES256", "jwk": c.jwk(new), "url": c.urls["keyChange"]}, new)
        return c.post(c.urls["keyChange"], inner)

    refused("malformed", change, key, key)
    assert refused("malformed", change, c.key, other.key, status=409).headers["Location"] == other.url
    change(c.key, key)
    refused("unauthorized", c.post, c.url)
    c.key = key
    order = c.order("plain.example.org")
    refused("malformed", c.post, c.url, {"status": "valid"})
    assert c.post(c.url, {"status": "deactivated"})[0]["status"] == "deactivated"
    refused("unauthorized", c.post, c.url, status=401)
    assert authority.book.orders[order["url"]].status == "invalid"
    refused("unauthorized", again.__class__(authority, key).register)
    c.url = c.url + "0"
    refused("accountDoesNotExist", c.order, "plain.example.org")


def test_external_accounts(authority):
    authority.settings.external_accounts = {"kid": encode(b"k" * 32)}
    c = Client(authority)
    refused("externalAccountRequired", c.register)
    refused("unauthorized", c.register, externalAccountBinding=c.binding("other", b"k" * 32))
    refused("unauthorized", c.register, externalAccountBinding=c.binding("kid", b"x" * 32))
    refused("unauthorized", c.register, externalAccountBinding=Client(authority).binding("kid", b"k" * 32))
    c.register(externalAccountBinding=c.binding("kid", b"k" * 32))
    assert authority.accounts()[-1].external == "kid"


def test_signatures(authority, client):
    order = client.urls["newOrder"]
    refused("malformed", client.post, order, "no json")
    assert refused("unauthorized", client.post, order, {}, url=order + "x").status == 401
    refused("badNonce", client.post, order, {}, nonce="x")
    refused("badSignatureAlgorithm", client.post, order, {}, alg="RS256")
    refused("malformed", client.post, order, {}, jwk=client.jwk(client.key))
    used = client.nonce
    client.post(client.url)
    refused("badNonce", client.post, order, {}, nonce=used)
    client.key = ec.generate_private_key(ec.SECP256R1())
    refused("unauthorized", client.post, client.url)


# --- what becomes of certificates ---

def test_renewal(authority, client, web):
    authority.settings.profiles["minutes"] = Profile(300.0)
    chain = by_http(client, web, "plain", profile="minutes")
    life = chain[0].not_valid_after_utc - chain[0].not_valid_before_utc
    assert life == datetime.timedelta(seconds=300)
    refused("invalidProfile", client.order, "plain.example.org", profile="unheard-of")
    identifier = pki.certificate_id(chain[0])
    body, headers = client.fetch(f"{client.urls['renewalInfo']}/{identifier}")
    assert b"suggestedWindow" in body and int(headers["Retry-After"]) > 0
    refused("malformed", client.fetch, f"{client.urls['renewalInfo']}/x.y", status=404)
    # RFC 9773 section 5.
    other = Client(authority)
    other.register()
    assert "did not request the certificate being replaced" in refused(
        "unauthorized", other.order, "plain.example.org", replaces=identifier, status=403).document["detail"]
    refused("malformed", client.order, "plain.example.org", replaces="x.y", status=404)
    refused("malformed", client.order, "us.example.org", replaces=identifier, status=400)
    client.order("plain.example.org", replaces=identifier)
    refused("alreadyReplaced", client.order, "plain.example.org", replaces=identifier, status=409)
    authority.settings.profiles["brief"] = Profile(1.0)
    authority.settings.backdate = 0.0
    brief = pki.certificate_id(by_http(client, web, "plain", profile="brief")[0])
    until(lambda: authority.book.by_id[brief].leaf.not_valid_after_utc < pki.now(), 20, "the end")
    assert "expired" in refused("malformed", client.order, "plain.example.org", replaces=brief).document["detail"]


def test_revocation(authority, client, web):
    key = ec.generate_private_key(ec.SECP256R1())
    chains = [by_http(client, web, "plain", key=key) for _ in range(2)]
    request = [{"certificate": encode(c[0].public_bytes(serialization.Encoding.DER))} for c in chains]
    other = Client(authority)
    other.register()
    refused("unauthorized", other.post, client.urls["revokeCert"], request[0])
    refused("badRevocationReason", client.post, client.urls["revokeCert"], {**request[0], "reason": 7})
    client.post(client.urls["revokeCert"], {**request[0], "reason": 1})
    refused("alreadyRevoked", client.post, client.urls["revokeCert"], request[0])
    Client(authority, key).post(client.urls["revokeCert"], request[1])
    assert [c.revoked for c in authority.certificates()] == [1, 0]
    # Another account that has shown that the names are its own.
    by_http(client, web, "plain")
    by_http(other, web, "plain")
    der = authority.certificates()[2].leaf.public_bytes(serialization.Encoding.DER)
    other.post(client.urls["revokeCert"], {"certificate": encode(der), "reason": 5})
    assert authority.certificates()[2].revoked_by == other.url
    window = client.fetch(f"{client.urls['renewalInfo']}/{pki.certificate_id(chains[0][0])}")[0]
    assert datetime.datetime.fromisoformat(json.loads(window)["suggestedWindow"]["end"]) < pki.now(), "renew at once"


def test_faults(authority, client, web):
    """Each as often as was said, then no more."""
    authority.settings.faults = [Fault("newOrder", 429, "rateLimited", "too many", retry_after=7200, times=1),
                                 Fault("newOrder", 502, body="<h1>Bad Gateway</h1>", times=1)]
    e = refused("rateLimited", client.order, "plain.example.org", status=429)
    assert e.headers["Retry-After"] == "7200" and e.document["detail"] == "too many"
    assert refused(None, client.order, "plain.example.org", status=502).headers["Content-Type"].startswith("text/html")
    authority.settings.faults.append(Fault("newOrder", 403, "unauthorized", accounts=("somebody else",)))
    # In processing for as long as the test wants.
    authority.settings.processing, authority.settings.poll_after = 0.5, 3600
    order = client.order("plain.example.org")
    client.prove(order, "http-01", lambda n, token, v: web.answers.update({token: f"{token}.{client.thumbprint}"}))
    ended, headers = client.post(order["finalize"], client.request(["plain.example.org"]))
    assert ended["status"] == "processing" and headers["Retry-After"] == "3600"
    assert client.settled(order["url"])["status"] == "valid"
    assert authority.count("newOrder") == 3 and authority.count("finalize") == 1


def test_as_a_program(tmp_path, knot):
    """For the lab: settings in a file, read anew at a signal."""
    settings = {"servers": knot.servers, "profiles": {"brief": {"lifetime": 600}}, "default_profile": "brief"}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    program = subprocess.Popen([sys.executable, "-B", "-m", "authority", tmp_path, tmp_path / "settings.json"], stdout=subprocess.PIPE,
                               text=True, cwd=pathlib.Path(__file__).parents[1])
    where = types.SimpleNamespace(directory=program.stdout.readline().strip(), root=tmp_path / "authority-root.pem")
    client = Client(where)
    client.register()
    assert client.order("plain.example.org")["profile"] == "brief"
    fault = {"at": "newOrder", "status": 503, "retry_after": 5}
    (tmp_path / "settings.json").write_text(json.dumps({**settings, "faults": [fault]}))
    program.send_signal(signal.SIGHUP)

    def fails():
        try:
            client.order("plain.example.org")
        except Refused as e:
            return e.status == 503
        return False

    until(fails, 20, "the fault")
    program.send_signal(signal.SIGTERM)
    assert program.wait(20) == 0

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that keep visitors away: hagw-proxyd finds out by itself why, says it, and sees when it is over.

Home Assistant is tests/ha (its own server and rules), the TLS server that gets plain HTTP is nginx, and Python's ssl."""

import json
import queue
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from answerpeers import free_port
from conftest import ROOT, VarlinkError
from proxyhouse import HOST, Head, ProxyHouse, Upstream, echo, listen
from test_proxyd import host, open_house, parts  # noqa: F401 (a fixture)

MAIN = 'proxy: { probe_interval = "1s"; };'
FAST = 'timeouts: { connect = "1s"; };'


class Process:
    """A service of its own, until it is closed."""

    def __init__(self, port, *command):
        self.port, self.process = port, subprocess.Popen(command)

    def wait(self, house):
        def answers():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        house.wait(answers)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def home_assistant(folder, port, trusted):
    (folder / "ha.json").write_text(json.dumps({
        "listen": ["127.0.0.1"], "port": port, "use_x_forwarded_for": bool(trusted), "trusted_proxies": trusted,
        "users": {}, "login_attempts_threshold": 3}))
    return Process(port, sys.executable, str(ROOT / "tests/ha/ha.py"), "--config", str(folder / "ha.json"))


def state(h, name=HOST):
    return next(i for i in h.proxyd.call("ListHosts")["hosts"] if i["name"] == name)


def test_home_assistant_without_trusted_proxies(house, parts, tmp_path):  # noqa: F811
    """Nobody visits; it is found, with the address that Home Assistant sees, and its end, too."""
    port = free_port()
    ha = home_assistant(tmp_path, port, [])
    parts.append(ha)
    h = open_house(house, parts, MAIN, ha=host(f"http://127.0.0.1:{port}"))
    ha.wait(h)
    h.wait(lambda: state(h).get("finding") == "home_assistant")
    found = state(h)
    assert found["health"] == "failing" and found["foundUSec"] <= found["triedUSec"]
    assert 'does not know this machine (127.0.0.1) as a proxy' in found["error"]
    assert 'Settings > System > Network > HTTP server' in found["error"]
    assert 'add 127.0.0.1 to "Trusted proxies"' in found["error"]
    # What a visitor sees does not hide it.
    assert h.visit().status == 400
    assert state(h)["finding"] == "home_assistant"
    answer = h.proxyd.call("Probe", name=HOST)
    assert answer["status"] == 400 and answer["advice"] == answer["host"]["error"]

    ha.close()
    parts.remove(ha)
    parts.append(home_assistant(tmp_path, port, ["127.0.0.1"]))
    h.wait(lambda: state(h)["health"] == "ok")
    assert not {"finding", "error"} & state(h).keys() and state(h)["requests"] == 1
    assert h.proxyd.call("Probe", name=HOST).get("advice") is None


def test_home_assistant_without_an_owner(house, parts):  # noqa: F811
    """Its first page is then elsewhere."""
    def serve(upstream, s, f):
        while True:
            refused = Head(f).get("X-Forwarded-For")
            s.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 16\r\n\r\n400: Bad Request" if refused else
                      b"HTTP/1.1 302 Found\r\nlocation: /onboarding.html\r\nContent-Length: 0\r\n\r\n")
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[0].url))
    assert h.proxyd.call("Probe", name=HOST)["host"]["finding"] == "home_assistant"


def test_a_good_visitor_ends_what_was_found(house, parts):  # noqa: F811
    trusting = threading.Event()

    def serve(upstream, s, f):
        while True:
            refused = Head(f).get("X-Forwarded-For") and not trusting.is_set()
            s.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 16\r\n\r\n400: Bad Request" if refused else
                      b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    parts.append(Upstream(serve))
    h = open_house(house, parts, 'proxy: { probe_interval = "0s"; };', ha=host(parts[0].url))
    answer = h.proxyd.call("Probe", name=HOST)
    assert answer["status"] == 400 and answer["host"]["finding"] == "proxy"
    assert "name 127.0.0.1, this machine's address, as a trusted proxy" in answer["advice"]
    trusting.set()
    assert h.visit().status == 200
    assert state(h)["health"] == "ok" and "finding" not in state(h)


def checks_host(status, body):
    """Like Syncthing ("Host check error"), Vite, Transmission (421): its own name alone is served."""
    def serve(upstream, s, f):
        while True:
            ok = Head(f).get("Host") == f"127.0.0.1:{upstream.port}"
            text = b"fine" if ok else body
            s.sendall(f"HTTP/1.1 {200 if ok else status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
    return serve


@pytest.mark.parametrize("status, body", [(403, b"Host check error"), (421, b"Misdirected"), (400, b"untrusted domain")])
def test_host_check(house, parts, status, body):  # noqa: F811
    parts.append(Upstream(checks_host(status, body)))
    h = open_house(house, parts, MAIN, ha=host(parts[0].url))
    h.wait(lambda: state(h).get("finding") == "host")
    remedy = f"--upstream-host 127.0.0.1:{parts[0].port}"
    assert f"answers {status} to the name {HOST}" in state(h)["error"] and remedy in state(h)["error"]
    house.configure(MAIN, ha=host(parts[0].url, more=f'upstream_host = "127.0.0.1:{parts[0].port}";'))
    h.proxyd.reload()
    h.wait(lambda: state(h)["health"] == "ok")


def server_context(h, tmp_path):
    chain, key = h.authority.issue("service")
    (tmp_path / "service.pem").write_text(chain + key)
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(tmp_path / "service.pem")
    return c


@pytest.mark.parametrize("kind", ["python", "nginx"])
def test_http_to_a_tls_port(house, parts, tmp_path, kind):  # noqa: F811
    """One hangs up, the other says 400 in plain words."""
    port = free_port()
    h = open_house(house, parts, MAIN, ha=host(f"http://127.0.0.1:{port}"))
    context = server_context(h, tmp_path)
    if kind == "python":
        parts.append(Upstream(echo, context=context, at=("127.0.0.1", port)))
    elif not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    else:
        (tmp_path / "nginx.conf").write_text(f"""daemon off; master_process off; pid {tmp_path}/pid; error_log stderr;
            events {{}} http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;
            fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
            server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {tmp_path}/service.pem;
            ssl_certificate_key {tmp_path}/service.pem; return 200; }} }}""")
        parts.append(Process(port, "nginx", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")))
    h.wait(lambda: state(h).get("finding") == "speaks_tls")
    assert f"hagw-ctl host set {HOST} https://127.0.0.1:{port} " in state(h)["error"]
    house.configure(MAIN, ha=host(f"https://127.0.0.1:{port}", more='tls: { verify = "insecure"; };'))
    h.proxyd.reload()
    h.wait(lambda: state(h)["health"] == "ok")


@pytest.mark.parametrize("scheme", ["http", "tcp"])
def test_a_trial_is_nobodys_visit(house, parts, scheme):  # noqa: F811
    """While it lasts, and behind it: hagw's own look at a service is in no figure about visitors."""
    looks, answer = queue.Queue(), threading.Event()

    def serve(service, s, f):
        looks.put(f.read(1))
        answer.wait(60)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    parts.append(Upstream(serve))
    h = open_house(house, parts, MAIN, ha=host(
        f"{scheme}://127.0.0.1:{parts[0].port}", more='proxy_protocol = "v2";' if scheme == "tcp" else ""))
    figures = ("connections", "requests", "answers", "passages", "passages_open", "passage_sent_bytes", "host_active",
               "host_requests")
    for _ in range(2):
        looks.get(timeout=30)
        assert {n: h.figure(f"proxy_{n}") for n in figures} == dict.fromkeys(figures, 0)
        answer.set()
    h.proxyd.stop()
    assert " passage, " not in h.proxyd.text()


def test_https_to_a_plain_port(house, parts):  # noqa: F811
    def serve(upstream, s, f):
        """Whatever is no request is answered as most do."""
        while line := f.readline():
            if not line.startswith(b"GET "):
                s.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            while f.readline() not in (b"\r\n", b""):
                pass
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    parts.append(Upstream(serve))
    h = open_house(house, parts, MAIN, ha=host(f"https://127.0.0.1:{parts[0].port}"))
    h.wait(lambda: state(h).get("finding") == "speaks_http")
    assert f"hagw-ctl host set {HOST} http://127.0.0.1:{parts[0].port}" in state(h)["error"]


def test_certificate(house, parts, tmp_path):  # noqa: F811
    port = free_port()
    h = open_house(house, parts, MAIN, ha=host(f"https://127.0.0.1:{port}"))
    parts.append(Upstream(echo, context=server_context(h, tmp_path), at=("127.0.0.1", port)))
    h.wait(lambda: state(h).get("finding") == "certificate")
    said = state(h)["error"]
    assert f"127.0.0.1:{port} has a certificate that this machine (127.0.0.1) refuses: The certificate is NOT trusted." in said
    assert "expected. Where it is the service's own: hagw-ctl host set" in said or "unknown. Where it is" in said, said
    house.configure(MAIN, ha=host(f"https://127.0.0.1:{port}", more='tls: { verify = "insecure"; };'))
    h.proxyd.reload()
    h.wait(lambda: state(h)["health"] == "ok")


def test_refused_and_back(house, parts):  # noqa: F811
    port = free_port()
    h = open_house(house, parts, MAIN, ha=host(f"http://127.0.0.1:{port}"))
    h.wait(lambda: state(h).get("finding") == "refused")
    assert f"127.0.0.1:{port} refuses connections from this machine (127.0.0.1):" in state(h)["error"]
    tried = state(h)["triedUSec"]
    h.wait(lambda: state(h)["triedUSec"] > tried + 500000)
    assert h.proxyd.text().count("refuses connections") == 1 and "upstream fails" not in h.proxyd.text()
    assert h.figure("proxy_host_failing", host=HOST) == 1
    parts.append(Upstream(echo, at=("127.0.0.1", port)))
    h.wait(lambda: state(h)["health"] == "ok")
    assert h.figure("proxy_host_failing", host=HOST) == 0


@pytest.mark.parametrize("version, header", [
    ("v1", b"PROXY UNKNOWN\r\n"), ("v2", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"), ("none", b"")])
def test_a_trial_of_what_is_passed_unopened(house, parts, version, header):  # noqa: F811
    """A service that expects a header hears that nobody is meant, and not silence."""
    heard = queue.Queue()
    parts.append(Upstream(lambda upstream, s, f: heard.put(f.read())))
    h = open_house(house, parts, MAIN, ha=f'name = "{HOST}"; upstream = "tcp://127.0.0.1:{parts[0].port}"; '
                   f'proxy_protocol = "{version}"; access: {{ login = "none"; }};')
    assert [heard.get(timeout=60) for _ in range(2)] == [header] * 2
    assert h.proxyd.call("Probe", name=HOST)
    assert state(h)["health"] == "ok"


def test_silent(house, parts):  # noqa: F811
    """Nobody takes the connection off the queue, and the queue is full."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = [socket.socket() for _ in range(4)]
    for s in fillers:
        s.setblocking(False)
        s.connect_ex(listener.getsockname())
    port = listener.getsockname()[1]
    h = open_house(house, parts, MAIN, ha=host(f"http://127.0.0.1:{port}", more=FAST))
    h.wait(lambda: state(h).get("finding") == "silent")
    assert f"127.0.0.1:{port} does not answer this machine (127.0.0.1):" in state(h)["error"]
    for s in (*fillers, listener):
        s.close()


def test_no_route(house, parts):  # noqa: F811
    """An address that no connection may go to, and one that no route leads to: each kernel has its own word."""
    h = open_house(house, parts, MAIN, ha=host("http://255.255.255.255:80"))
    h.wait(lambda: state(h).get("finding") in ("unrouted", "unreachable"))
    assert "255.255.255.255:80 cannot be reached from this machine" in state(h)["error"]


def test_name(house, parts):  # noqa: F811
    """Nobody resolves here; with hagw-netd the reason is another one."""
    h = open_house(house, parts, MAIN, ha=host("http://nowhere.example:80"))
    h.wait(lambda: state(h).get("finding") == "name")
    assert "nowhere.example" in state(h)["error"] and "this machine can look up" in state(h)["error"]


def test_no_answer(house, parts):  # noqa: F811
    parts.append(Upstream(lambda service, s, f: s.sendall(b"220 mail.example.com ESMTP\r\n")))
    h = open_house(house, parts, MAIN, ha=host(parts[0].url))
    h.wait(lambda: state(h).get("finding") == "no_answer")
    assert "gives no answer in HTTP" in state(h)["error"]


def test_what_a_visitor_meets_counts_at_once(house, parts):  # noqa: F811
    """And what the next one meets: nobody has to be tried for it."""
    port = free_port()
    h = open_house(house, parts, 'proxy: { probe_interval = "0s"; };', ha=host(f"http://127.0.0.1:{port}"))
    assert h.visit().status == 502
    h.wait(lambda: state(h)["health"] == "failing")
    assert "refused" in state(h)["error"] and "finding" not in state(h) and state(h)["triedUSec"] == 0
    parts.append(Upstream(echo, at=("127.0.0.1", port)))
    h.wait(lambda: h.visit().status == 200)
    assert state(h)["health"] == "ok" and state(h)["triedUSec"] == 0


def test_who_looks_finds_the_truth_of_now(house, parts):  # noqa: F811
    """The rounds come once an hour here."""
    port = free_port()
    h = open_house(house, parts, 'proxy: { probe_interval = "1h"; };', ha=host(f"http://127.0.0.1:{port}"),
                   other=host(f"http://127.0.0.1:{port}", "b.home.example.com"))
    assert state(h)["health"] == "unknown" and state(h)["triedUSec"] == 0
    first = {i["name"]: i for i in h.proxyd.call("ListHosts", look=True)["hosts"]}
    assert {i["finding"] for i in first.values()} == {"refused"} and len(first) == 2
    # Its end is found by the repeated trials, which are sooner than the interval.
    parts.append(Upstream(echo, at=("127.0.0.1", port)))
    h.wait(lambda: state(h)["health"] == "ok", 60)


def test_who_looks_does_not_wait_for_what_is_silent(house, parts):  # noqa: F811
    answer = threading.Event()

    def serve(upstream, s, f):
        Head(f)
        answer.wait(60)
    parts.append(Upstream(serve))
    h = open_house(house, parts, 'proxy: { probe_interval = "1h"; };', ha=host(parts[0].url))
    results, lock = [], threading.Lock()

    def look():
        try:
            found = h.proxyd.call("ListHosts", look=True)["hosts"][0]
        except VarlinkError as e:
            found = e.name
        with lock:
            results.append(found)
    threads = [threading.Thread(target=look) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert [(r["health"], r["triedUSec"]) for r in results] == [("unknown", 0)] * 3
    assert parts[0].connections == 1, "one trial for all who ask"
    answer.set()


def test_wildcard(house, parts):  # noqa: F811
    """Which names below it the service knows is not known here, so a no to a made-up one is none to visitors."""
    parts.append(Upstream(checks_host(421, b"no")))
    h = open_house(house, parts, MAIN, certificates=(("*.home.example.com",),),
                   ha=host(parts[0].url, "*.home.example.com"))
    h.wait(lambda: state(h, "*.home.example.com")["triedUSec"] > 0)
    assert state(h, "*.home.example.com")["health"] == "ok"


def test_visitors_are_trial_enough(house, parts):  # noqa: F811
    """Whose visitors get through is not tried; beside it is one that nobody visits."""
    parts.append(Upstream(echo))
    main = 'proxy: { probe_interval = "8s"; };'
    h = open_house(house, parts, main, certificates=((HOST,), ("b.home.example.com",)), ha=host(parts[0].url),
                   other=host(parts[0].url, "b.home.example.com"))
    c = h.connect()
    h.wait(lambda: h.visit(connection=c).status != 200 or state(h, "b.home.example.com")["triedUSec"], 60)
    assert state(h)["triedUSec"] == 0
    mine = [r for r in parts[0].requests if r.get("User-Agent") == "hagw-probe"]
    assert {r.get("Host") for r in mine} == {"b.home.example.com"}
    assert h.figure("proxy_host_requests", host="b.home.example.com") == 0


def test_few_at_once(house, parts):  # noqa: F811
    lock, now, most = threading.Condition(), [0], [0]

    def serve(upstream, s, f):
        """Answers when a second one is there, or when it is known that none comes."""
        Head(f)
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            lock.notify_all()
            lock.wait_for(lambda: now[0] > 1, 10)
            now[0] -= 1
            lock.notify_all()
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    parts.append(Upstream(serve))
    names = [f"h{i}.home.example.com" for i in range(8)]
    h = open_house(house, parts, MAIN, certificates=((names[0],),),
                   **{f"h{i}": host(parts[0].url, n) for i, n in enumerate(names)})
    h.wait(lambda: all(state(h, n)["triedUSec"] for n in names), 60)
    assert most[0] == 2


def test_host_goes_during_its_trial(house, parts):  # noqa: F811
    asked, answer = threading.Event(), threading.Event()

    def serve(upstream, s, f):
        Head(f)
        asked.set()
        answer.wait(60)
        s.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    parts.append(Upstream(serve))
    h = open_house(house, parts, MAIN, ha=host(parts[0].url))
    assert asked.wait(60)
    house.configure(MAIN, other=host(parts[0].url, "b.home.example.com"))
    h.proxyd.reload()
    answer.set()
    h.wait(lambda: state(h, "b.home.example.com")["triedUSec"])
    assert [i["name"] for i in h.proxyd.call("ListHosts")["hosts"]] == ["b.home.example.com"]


def test_a_trial_holds_up_no_stop(house, parts):  # noqa: F811
    """A drain waits for visitors, and for nobody else; the trial by itself would end after 20 s."""
    asked = threading.Event()

    def serve(upstream, s, f):
        Head(f)
        asked.set()
        f.read()
    parts.append(Upstream(serve))
    h = open_house(house, parts, 'proxy: { probe_interval = "1s"; drain = "1h"; };', ha=host(parts[0].url))
    assert asked.wait(60)
    begin = time.monotonic()
    assert h.proxyd.stop() == 0
    assert time.monotonic() - begin < 19, "the trial's own end was waited for"


def test_no_more_trials_than_have_room(house, parts):  # noqa: F811
    """Eight at once, whoever asks for them; the ninth is told so, and the eight come to their end."""
    asked, go = [], threading.Event()

    def serve(upstream, s, f):
        Head(f)
        asked.append(s)
        go.wait(60)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    parts.append(Upstream(serve))
    h = open_house(house, parts, 'proxy: { probe_interval = "0s"; };', ha=host(parts[0].url))
    answers, lock = [], threading.Lock()

    def probe():
        try:
            answer = h.proxyd.call("Probe", name=HOST)["status"]
        except VarlinkError as e:
            answer = e.name
        with lock:
            answers.append(answer)
    threads = [threading.Thread(target=probe) for _ in range(8)]
    for t in threads:
        t.start()
    h.wait(lambda: len(asked) == 8)
    probe()
    assert len(answers) == 1 and answers[0] != 200
    go.set()
    for t in threads:
        t.join(60)
    assert answers[1:] == [200] * 8


def test_never(house, parts):  # noqa: F811
    """0s switches it off, and a reload on again."""
    h = open_house(house, parts, 'proxy: { probe_interval = "0s"; };', ha=host("http://127.0.0.1:1"))
    assert state(h)["health"] == "unknown"
    house.configure(MAIN, ha=host("http://127.0.0.1:1"))
    h.proxyd.reload()
    h.wait(lambda: state(h).get("finding") == "refused")


# --- circles ---

def nginx(folder, port, server):
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    (folder / "nginx.conf").write_text(f"""daemon off; master_process off; pid {folder}/pid; error_log stderr;
        events {{}} http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
        fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
        server {{ listen 127.0.0.1:{port}; {server} }} }}""")
    return Process(port, "nginx", "-e", "stderr", "-c", str(folder / "nginx.conf"))


def answers(head, body=b""):
    def serve(service, s, f):
        while (line := f.readline()) and line.strip():
            pass
        s.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    return serve


@pytest.mark.parametrize("upstream", ["http://127.0.0.1:{http}", "https://127.0.0.1:{https}", "tcp://127.0.0.1:{https}", "http://127.0.0.2:{http}", "https://[::1]:{six}"])
def test_upstream_is_the_gateway_itself(house, parts, upstream):  # noqa: F811
    """Each visitor would come back as the next one, or be sent to where he is, for ever."""
    h = ProxyHouse(house, MAIN)
    parts.append(h)
    if "127.0.0.2" in upstream:
        h.http.close()
        h.http = listen("0.0.0.0", port=h.http_port)
    url = upstream.format(http=h.http_port, https=h.port, six=h.port6)
    more = 'tls: { verify = "insecure"; };' if url.startswith("https") else ""
    house.configure(MAIN, ha=host(url, more=more))
    h.certify(HOST)
    h.start()
    h.wait(lambda: state(h).get("finding") == "itself")
    place = url.partition("://")[2]
    assert f"{place} is this gateway itself, and not the service: hagw-ctl host set {HOST} http://ADDRESS:PORT" in state(h)["error"]
    # A visitor's answer looks well to who counts answers, and ends nothing.
    if url.startswith("http:"):
        assert h.visit().status == 308
        assert state(h)["finding"] == "itself"


def test_another_port_of_this_machine_is_not_the_gateway(house, parts):  # noqa: F811
    parts.append(Upstream(echo, at=("127.0.0.2", 0)))
    h = open_house(house, parts, MAIN, ha=host(f"http://127.0.0.2:{parts[0].port}"))
    h.wait(lambda: state(h)["health"] == "ok")


def test_a_service_that_forces_https(house, parts, tmp_path):  # noqa: F811
    """Its visitors have it, and it does not see that: it sends them to where they are, without end."""
    port = free_port()
    parts.append(nginx(tmp_path, port, "return 301 https://$host$request_uri;"))
    h = open_house(house, parts, MAIN, ha=host(f"http://127.0.0.1:{port}"))
    h.wait(lambda: state(h).get("finding") == "sends_back")
    assert f"sends whoever asks for https://{HOST}/ to just that again, without end" in state(h)["error"]
    assert "have to name 127.0.0.1, this machine's address, as a trusted proxy, whose X-Forwarded-Proto it believes" in state(h)["error"]
    assert (answer := h.visit()).status == 301 and answer.getheader("Location") == f"https://{HOST}/"
    assert state(h)["finding"] == "sends_back", "to who counts answers it looks well"
    parts[0].close()
    parts[0] = nginx(tmp_path, port, 'if ($http_x_forwarded_proto != "https") { return 301 https://$host$request_uri; } return 200;')
    h.wait(lambda: state(h)["health"] == "ok")
    assert "finding" not in state(h)


def leads(pages):
    """What each page answers, by its path: a status, or where it sends with what else in the head."""
    def serve(service, s, f):
        head = Head(f)
        found = pages(head) if callable(pages) else pages.get(head.target, 404)
        lines = f"302 Found\r\nLocation: {found.format(host=HOST)}" if isinstance(found, str) else f"{found} X"
        s.sendall(f"HTTP/1.1 {lines}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    return serve


NOT_LED = {
    "login": {"/": "https://{host}/login", "/login": 200},
    "a path": {"/": "/login?next=/", "/login?next=/": 401},
    "another host": {"/": "https://other.example.com/"},
    "another machine": {"/": "/a", "/a": "https://other.example.com/", "/b": "/"},
    "a cookie": {"/": "https://{host}/\r\nSet-Cookie: seen=1"},
    "a cookie later": {"/": "/a", "/a": "/\r\nSet-Cookie: seen=1"},
    "many": {"/": "/1", "/1": "/2", "/2": "/3", "/3": "/4", "/4": "/5"},
    # As those do that send away who is no browser.
    "no browser": lambda head: 200 if "Mozilla" in (head.get("User-Agent") or "Mozilla") else "http://192.168.1.4/unsupported",
    "no browser here": lambda head: 200 if "Mozilla" in (head.get("User-Agent") or "Mozilla") or head.target != "/" else "/",
}


@pytest.mark.parametrize("pages", NOT_LED)
def test_a_redirect_to_elsewhere_is_fine(house, parts, pages):  # noqa: F811
    """So is one to where the visitor is, by which he comes back with a cookie."""
    parts.append(Upstream(leads(NOT_LED[pages])))
    h = open_house(house, parts, MAIN, ha=host(parts[0].url))
    h.wait(lambda: state(h)["triedUSec"] > 0)
    assert state(h)["health"] == "ok" and "finding" not in state(h), state(h)
    assert state(h)["answerStatus"] == 302 and h.visit().status in (200, 302)


LED = {
    "inside": ({"/": "http://192.168.1.4:9005/login"}, "sends_inside", "to http://192.168.1.4:9005, which nobody outside of the house reaches."),
    "inside later": ({"/": "/login", "/login": "http://nas.local/\r\nSet-Cookie: a=b"}, "sends_inside", "to http://nas.local, which nobody outside"),
    "a circle": ({"/": "/a", "/a": "/"}, "sends_round", "in a circle (/ → /a → /), without end."),
    "a circle behind": ({"/": "/a", "/a": "b", "/b": "https://{host}/a"}, "sends_round", "in a circle (/a → /b → /a)"),
    "one page": ({"/": "http://{host}/x", "/x": "http://{host}/x"}, "sends_back", f"sends whoever asks for https://{HOST}/x to just that again, without end"),
}


@pytest.mark.parametrize("way", LED)
def test_a_service_that_leads_nowhere(house, parts, way):  # noqa: F811
    pages, finding, text = LED[way]
    parts.append(Upstream(leads(pages := dict(pages))))
    h = open_house(house, parts, MAIN, ha=host(parts[0].url))
    h.wait(lambda: state(h).get("finding") == finding)
    assert text in state(h)["error"] and "127.0.0.1, this machine's" in state(h)["error"], state(h)["error"]
    assert h.visit().status == 302 and state(h)["finding"] == finding, "to who counts answers it looks well"
    answer = h.proxyd.call("Probe", name=HOST)
    assert answer["status"] == 302 and answer["host"]["finding"] == finding
    # What is another machine's is never asked for, and what is followed is its owner's page.
    pages["/"] = 200
    h.wait(lambda: state(h)["health"] == "ok")


def test_who_may_visit_it_inside_gets_there(house, parts):  # noqa: F811
    parts.append(Upstream(leads({"/": "http://192.168.1.4/"})))
    h = open_house(house, parts, MAIN, ha=host(parts[0].url, access='login = "none"; from = "lan";'))
    h.wait(lambda: state(h)["triedUSec"] > 0)
    assert state(h)["health"] == "ok" and "finding" not in state(h), state(h)


def test_a_service_with_an_error_of_its_own(house, parts):  # noqa: F811
    """It is told until a visitor gets something better."""
    parts.append(Upstream(answers("503 Service Unavailable")))
    h = open_house(house, parts, ha=host(parts[0].url))
    assert h.proxyd.call("Probe", name=HOST)["status"] == 503
    assert state(h)["health"] == "ok" and state(h)["answerStatus"] == 503
    assert h.visit().status == 503 and state(h)["answerStatus"] == 503
    parts[0].serve = answers("200 OK")
    assert h.visit().status == 200
    h.wait(lambda: "answerStatus" not in state(h))

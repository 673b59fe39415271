# SPDX-License-Identifier: LGPL-2.1-or-later
"""People are told what status finds, once, and when it is over: by mail through a real msmtp to a real SMTP server, by POST to a
real HTTP server, and by a command. hagw-ctl and hagw-notify run as their units run them, one after the other."""

import asyncio
import contextlib
import email
import email.policy
import http.server
import json
import os
import socket
import subprocess
import threading

import pytest

from conftest import BUILD
from ctl_tools import FAILED, OK, booted, ctl  # noqa: F401
from test_netd import LABORATORY

PUBLIC = 'public_address: { ipv4 = "static:203.0.113.1"; ipv6 = "none"; };'
smtp = pytest.importorskip("aiosmtpd.smtp", reason="aiosmtpd is not installed")


class Mailbox:
    """An SMTP server, and a sendmail that takes mail there."""

    def __init__(self, folder):
        self.mails, self.refuse = [], None
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.loop.create_server(lambda: smtp.SMTP(self, loop=self.loop), sock=listener))
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.sendmail = folder / "sendmail"
        self.sendmail.write_text(f'#!/bin/sh\nexec msmtp --file=/dev/null --host=127.0.0.1 --port={self.port} --from=hagw@home.test "$@"\n')
        self.sendmail.chmod(0o755)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.refuse:
            return self.refuse
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos, message["Subject"], message.get_content().replace("\r\n", "\n")))
        assert message["Auto-Submitted"] == "auto-generated" and message["To"] == envelope.rcpt_tos[0]
        return "250 OK"

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Topic:
    """A server that takes what is posted."""

    def __init__(self):
        topic = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                topic.posts.append((self.path, self.headers["Title"], body.decode()))
                self.send_response(topic.status)
                if topic.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(topic.kilobytes):
                        self.wfile.write(bytes(1024))

            def log_message(self, *_):
                pass

        self.posts, self.status, self.kilobytes = [], 200, 1
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/house"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Notify:
    def __init__(self, house, ctl):  # noqa: F811
        self.house, self.ctl = house, ctl
        self.state = house.root / "state" / "notify"
        self.state.mkdir(parents=True)
        self.mailbox, self.topic = Mailbox(house.root), Topic()
        self.heard = house.root / "heard"
        ctl.env |= {"HAGW_NOTIFY_DIR": str(self.state)}
        self.env = {**ctl.env, "STATE_DIRECTORY": str(self.state), "HAGW_SENDMAIL": str(self.mailbox.sendmail)}

    def targets(self, *targets):
        self.house.configure(f'zones = ( {{ name = "home.test"; }} ); {LABORATORY} {PUBLIC}\nnotify = ( %s );\n' % ", ".join(json.dumps(t) for t in targets))

    def run(self):
        """What hagw-notify.service does."""
        if self.ctl.run("notify", "gather").returncode != OK:
            return None
        findings = self.house.runtime / "findings.json"
        assert findings.stat().st_mode & 0o007 == 0
        r = subprocess.run([BUILD / "hagw-notify/hagw-notify", findings], env=self.env, capture_output=True, text=True, timeout=120)
        assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr and r.returncode == 0, r.stderr
        return r.stderr

    def told(self):
        return json.loads((self.state / "told.json").read_text())

    def problems(self):
        return json.loads(self.ctl.run("--json", "status").stdout)["problems"]

    def close(self):
        self.mailbox.close()
        self.topic.close()


@pytest.fixture
def n(house, ctl):  # noqa: F811
    n = Notify(house, ctl)
    yield n
    n.close()


@pytest.fixture
def netd(house):
    return house.daemon("netd", "io.hagw.Net")


def test_once_and_when_it_is_over(n, netd):
    """Each of the three ways. What status finds besides (the other daemons are off) is told once with it."""
    n.targets("mailto:me@home.test", n.topic.url, f"command:/bin/sh -c 'echo \"$HAGW_SUBJECT\"; cat' >>{n.heard}")
    netd.reload()
    n.run()
    n.run()
    host = os.uname().nodename
    before = n.problems()
    assert [m[0] for m in n.mailbox.mails] == [["me@home.test"]] and len(n.topic.posts) == 1
    for subject, text in (n.mailbox.mails[0][1:], n.topic.posts[0][1:], n.heard.read_text().split("\n", 1)):
        assert subject == f"hagw at {host} needs attention"
        assert text.startswith("Needs attention:\n- ") and f'"hagw-ctl status" at {host} shows it all.' in text
        assert all(p in text for p in before if "hagw-dnsd" in p) and "hagw-netd" not in text
    assert n.topic.posts[0][0] == "/house"
    for _ in range(3):
        n.run()
    assert len(n.mailbox.mails) == len(n.topic.posts) == 1
    # One more.
    netd.kill()
    n.run()
    assert len(n.mailbox.mails) == 1, "once is no news"
    n.run()
    assert len(n.mailbox.mails) == len(n.topic.posts) == 2
    assert n.mailbox.mails[1][1] == f"hagw at {host} needs attention: one more thing"
    assert "hagw-netd" in n.mailbox.mails[1][2] and "hagw-dnsd" not in n.mailbox.mails[1][2]
    # And over.
    netd.start()
    n.run()
    assert len(n.mailbox.mails) == 2
    n.run()
    text = n.topic.posts[2][2]
    assert len(n.mailbox.mails) == len(n.topic.posts) == 3 and text.startswith("Over:\n- ") and "hagw-netd" in text
    n.run()
    assert len(n.mailbox.mails) == 3


def test_nobody_is_to_be_told(n, netd):
    n.targets()
    assert n.ctl.run("notify", "gather").returncode == FAILED
    assert n.ctl.run("notify", "gather").stderr == "", "a unit asks this every five minutes"
    assert not (n.house.runtime / "findings.json").exists()


def test_a_target_that_fails_is_a_finding(n, netd):
    """It does not keep the others waiting, and is told what it missed."""
    n.targets("mailto:me@home.test", n.topic.url)
    n.mailbox.refuse = "550 mailbox unavailable"
    n.run()
    said = n.run()
    assert "mailto:me@home.test could not be told" in said and "550" in said and len(n.topic.posts) == 1
    assert "could not be told" not in n.run(), "once in the log"
    [found] = [p for p in n.problems() if "cannot be told" in p]
    assert found.startswith("mailto:me@home.test cannot be told what needs attention, for the first time ") and "550" in found
    assert '"hagw-ctl notify test" tries it.' in found
    n.run()
    assert "mailto:me@home.test cannot be told" in n.topic.posts[-1][2], "the others are told that, too"
    n.mailbox.refuse = None
    n.run()
    assert len(n.mailbox.mails) == 1 and "hagw-dnsd" in n.mailbox.mails[0][2] and "cannot be told" not in n.mailbox.mails[0][2]
    assert not [p for p in n.problems() if "cannot be told" in p]
    n.run()
    n.run()
    assert n.topic.posts[-1][2].startswith("Over:\n- mailto:me@home.test cannot be told")
    assert len(n.mailbox.mails) == 1


@pytest.mark.parametrize("target,words", [
    ("https://127.0.0.1:1/x", "onnect"), ("http://127.0.0.1:1/x", "onnect"),
    ("command:/bin/false", "/bin/sh ended with status 1"), ("command:/nowhere", "not found"),
])
def test_failures(n, netd, target, words):
    n.targets(target)
    n.run()
    n.run()
    assert words in n.told()["targets"][0]["error"]
    assert n.told()["targets"][0]["told"] == []


def test_without_a_mail_program(n, netd):
    n.targets("mailto:me@home.test")
    n.env["HAGW_SENDMAIL"] = "/nowhere/sendmail"
    n.run()
    n.run()
    assert "there is no /usr/sbin/sendmail here" in n.told()["targets"][0]["error"]
    [found] = [p for p in n.problems() if "cannot be told" in p]
    assert "apt install msmtp-mta" in found


def test_servers_that_do_not_take_it(n, netd):
    """Another status, a redirect, and an answer without an end: none of them is a message that was told."""
    n.targets(n.topic.url)
    n.topic.status = 403
    n.run()
    n.run()
    assert n.told()["targets"][0]["error"] == "the server answered with status 403"
    n.topic.status = 302
    n.run()
    assert n.told()["targets"][0]["error"] == "the server answered with status 302"
    assert {p[0] for p in n.topic.posts} == {"/house"}, "nobody is sent elsewhere"
    n.topic.status, n.topic.kilobytes = 200, 100
    n.run()
    assert n.told()["targets"][0]["told"] == [] and n.told()["targets"][0]["error"]
    n.topic.kilobytes = 1
    n.run()
    assert n.told()["targets"][0]["told"] != [] and "error" not in n.told()["targets"][0]


def test_broken_files_are_told(n, netd):
    """Also with a broken hagw.conf: whom to tell is known from the copy."""
    kept = n.house.root / "kept" / "config"
    n.ctl.env["HAGW_KEPT_DIR"] = str(kept)
    n.targets(n.topic.url)
    n.ctl.ok("config", "keep")
    (n.house.config / "hagw.conf").write_text("zones = (")
    n.run()
    n.run()
    assert f"{n.house.config}/hagw.conf:1: syntax error" in n.topic.posts[-1][2]


def test_state_that_cannot_be_written_tells_nothing(n, netd):
    """Or the same would be told every five minutes."""
    n.targets(n.topic.url)
    n.run()
    (n.state / "told.json.new").mkdir()
    (n.state / "told.json.new" / "x").touch()
    assert n.ctl.run("notify", "gather").returncode == OK
    r = subprocess.run([BUILD / "hagw-notify/hagw-notify", n.house.runtime / "findings.json"], env=n.env, capture_output=True, text=True)
    assert r.returncode == 1 and "told.json could not be written" in r.stderr and n.topic.posts == []


def test_damaged_state(n, netd):
    n.targets(n.topic.url)
    n.run()
    n.run()
    (n.state / "told.json").write_text("{")
    assert "set aside" in n.run()
    n.run()
    assert len(n.topic.posts) == 2 and (n.state / "told.json.broken").read_text() == "{"


@pytest.mark.parametrize("target,good", [
    ("mailto:me@home.test", True), ("mailto:me", False), ("mailto:-oQ/tmp@x", False), ("mailto:a@b,c@d", False), ("mailto:a b@c", False),
    ("https://ntfy.example/topic", True), ("https://", False), ("https:///x", False), ("ftp://x/y", False), ("http://192.168.1.4/x", True),
    ("command:/usr/local/bin/tell now", True), ("command:tell", False), ("command:/x\n", False), ("me@home.test", False),
])
def test_targets(n, target, good):
    n.targets(target)
    r = n.ctl.run("config", "check")
    assert (r.returncode == OK) == good, r.stderr
    if not good:
        assert 'expected "mailto:ADDRESS", "https://HOST/…" or "command:/PROGRAM"' in r.stderr and ":2: " in r.stderr


def test_more_targets_than_there_may_be(n):
    n.targets(*(f"mailto:a{i}@home.test" for i in range(9)))
    assert "expected 8 targets at most" in n.ctl.run("config", "check").stderr


def test_help_and_version():
    for option, said in (("--help", "hagw-notify FILE"), ("--version", "hagw ")):
        r = subprocess.run([BUILD / "hagw-notify/hagw-notify", option], capture_output=True, text=True)
        assert r.returncode == 0 and r.stdout.startswith(said)
    assert subprocess.run([BUILD / "hagw-notify/hagw-notify"], capture_output=True).returncode == 1


def test_notify_test(house, ctl, booted):  # noqa: F811
    """A test goes to everybody, whatever was told; who asks sees how it went."""
    n = Notify(house, ctl)
    booted.env["HAGW_NOTIFY_DIR"] = ctl.env["HAGW_NOTIFY_DIR"]
    runs = []

    def start(verb, units):
        if [verb, *units] != ["start", "hagw-notify"]:
            return 0
        # The first run was under way already, and saw nothing of the wish.
        runs.append(n.run() if runs else None)
        return 0

    try:
        booted.start = start
        n.targets("mailto:me@home.test", n.topic.url)
        assert booted.ok("notify", "test").splitlines() == ["mailto:me@home.test: sent", f"{n.topic.url}: sent"]
        assert len(runs) == 2
        host = os.uname().nodename
        assert n.mailbox.mails == [(["me@home.test"], f"hagw at {host}: a test", n.mailbox.mails[0][2])]
        assert n.topic.posts[0][1] == f"hagw at {host}: a test" and "hagw-ctl notify test" in n.topic.posts[0][2]
        n.topic.status = 500
        r = booted.run("notify", "test")
        assert r.returncode == FAILED and f"{n.topic.url}: the server answered with status 500\n" in r.stdout
        r = booted.run("--json", "notify", "test")
        assert json.loads(r.stdout) == [{"target": "mailto:me@home.test", "sent": True},
                                        {"target": n.topic.url, "sent": False, "error": "the server answered with status 500"}]
        assert len(n.mailbox.mails) == 3 and not (house.runtime / "notify-test").exists()
        n.targets()
        assert "names nobody: add somebody" in booted.refused(FAILED, "notify", "test")
        # Nobody sends it.
        n.targets("mailto:me@home.test")
        booted.start = lambda verb, units: 0
        assert "did not send the test" in booted.refused(FAILED, "notify", "test")
    finally:
        n.close()


def test_its_words_are_in_the_log(house, ctl):  # noqa: F811
    """What hagw-ctl asks the journal for."""
    folder = house.root / "journal"
    folder.mkdir()
    (folder / "journalctl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (folder / "journalctl").chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    asked = ctl.ok("log", env=env).splitlines()
    assert "--unit=hagw-notify.service" in asked and "--unit=hagw-proxyd.service" in asked
    asked = ctl.ok("log", "--daemon=notify", env=env).splitlines()
    assert [a for a in asked if a.startswith("--unit")] == ["--unit=hagw-notify.service"]

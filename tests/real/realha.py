# SPDX-License-Identifier: LGPL-2.1-or-later
"""Home Assistant itself, in the root that tests/real/run made, with a configuration folder of its own; and a browser's way into it."""

import http.client
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

import pytest
from answerpeers import free_port
from conftest import PARTS

HOUSE = PARTS / "home-assistant"
USER, PASSWORD = "owner", "a house of one's own"
DEFAULT = "frontend:\nmobile_app:\nwebhook:\n"

# It ends with 100 when it wants to be started again. $1: the root, $2: the configuration, $3: the program.
RUN = """
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/config"
root=$1 program=$3
shift 3
status=100
while [ $status -eq 100 ]; do
        status=0
        echo >>"$root/config/starts"
        chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/opt/ha/bin:/usr/bin:/bin "$@" \
                python3 -c "$program" --config /config --log-no-color --skip-pip || status=$?
done
exit $status
"""
START = "import sys; from homeassistant.__main__ import main; sys.exit(main())"
# The same, with less patience for a person's confirmation.
HURRY = """import datetime
from homeassistant.components.http import config
config.AUTO_REVERT_DELAY = datetime.timedelta(seconds={})
"""


def need_house():
    missing = HOUSE.with_name("home-assistant.missing")
    if missing.exists():
        pytest.skip(missing.read_text().strip())
    if not HOUSE.with_name("home-assistant.stamp").exists():
        pytest.skip("there is no Home Assistant: tests/real/run fetches it")


def python(code, *env):
    """What Home Assistant's own Python prints."""
    need_house()
    return subprocess.run(["chroot", HOUSE, "/usr/bin/env", "-i", "PATH=/opt/ha/bin:/usr/bin:/bin", *env, "python3", "-c", code],
                          check=True, capture_output=True, text=True).stdout.strip()


def packages():
    return next((HOUSE / "opt/ha/lib").glob("python3*/site-packages"))


def wait(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)
    return found


class Asker:
    """HTTP to one place; with a token, when there is one."""

    def __init__(self, connect):
        self.connect, self.token = connect, None

    def ask(self, method, path, body=None, form=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if form is not None:
            body, headers["Content-Type"] = urllib.parse.urlencode(form), "application/x-www-form-urlencoded"
        elif body is not None and not isinstance(body, bytes):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        c = self.connect()
        try:
            c.request(method, path, body=body, headers=headers)
            answer = c.getresponse()
            answer.body = answer.read()
        finally:
            c.close()
        return answer

    def json(self, *words, **keys):
        answer = self.ask(*words, **keys)
        assert answer.status == 200, (words, answer.status, answer.body)
        return json.loads(answer.body)

    def take_token(self, code, client):
        tokens = self.json("POST", "/auth/token", form={"grant_type": "authorization_code", "code": code, "client_id": client})
        self.token = tokens["access_token"]

    def log_in(self, url, password=PASSWORD, headers=None):
        """Home Assistant's own login as its page does it; returns the flow's last answer."""
        flow = self.json("POST", "/auth/login_flow", {
            "client_id": url, "handler": ["homeassistant", None], "redirect_uri": url + "?auth_callback=1"}, **(headers or {}))
        return self.json("POST", f"/auth/login_flow/{flow['flow_id']}",
                         {"client_id": url, "username": USER, "password": password}, **(headers or {}))


class RealHome(Asker):
    """Home Assistant's process. template: an earlier one, with its owner and settings, less what to forget of them. patience: seconds
    that it waits for somebody to confirm, instead of five minutes."""

    def __init__(self, folder, configuration=DEFAULT, port=None, template=None, forget=(), patience=None):
        need_house()
        self.folder, self.port, self.process = pathlib.Path(folder), port or free_port(), None
        super().__init__(lambda: http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))
        if template:
            shutil.copytree(template.folder, self.folder, dirs_exist_ok=True)
            self.refresh = template.refresh
            for name in forget:
                (self.folder / ".storage" / name).unlink()
        self.folder.mkdir(exist_ok=True)
        (self.folder / "configuration.yaml").write_text(configuration)
        self.program = (HURRY.format(patience) if patience else "") + START
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "unchanged", "sh", "-ec", RUN, "sh", HOUSE,
             self.folder, self.program, f"SETUP_PORT={self.port}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "stderr", "ab"))
        return self

    def connects(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def answers(self):
        assert self.process.poll() is None, self.log()[-4000:]
        return self.connects()

    def starts(self):
        """How often its process was started."""
        return (self.folder / "starts").read_text().count("\n")

    def log(self):
        """Since its last start."""
        return (self.folder / "home-assistant.log").read_text(errors="replace")

    def stored(self, name):
        try:
            return json.loads((self.folder / ".storage" / name).read_text())["data"]
        except (FileNotFoundError, ValueError):
            return {}

    def onboard(self):
        """What the first visitor is asked: an owner, and the rest as it comes."""
        wait(self.answers)
        code = self.json("POST", "/api/onboarding/users", {
            "name": "Owner", "username": USER, "password": PASSWORD, "client_id": self.url, "language": "en"})["auth_code"]
        tokens = self.json("POST", "/auth/token", form={"grant_type": "authorization_code", "code": code, "client_id": self.url})
        self.token, self.refresh = tokens["access_token"], (tokens["refresh_token"], self.url)
        for step, body in (("core_config", {}), ("analytics", {}), ("integration", {"client_id": self.url, "redirect_uri": self.url})):
            self.json("POST", f"/api/onboarding/{step}", body)
        return self

    def renew(self):
        token, client = self.refresh
        self.token = None
        self.token = self.json("POST", "/auth/token", form={
            "grant_type": "refresh_token", "refresh_token": token, "client_id": client})["access_token"]
        return self

    def running(self):
        """It has started whole, and takes commands."""
        def ready():
            return self.answers() and json.loads(self.ask("GET", "/api/config").body).get("state") == "RUNNING"
        wait(self.answers)
        if not self.token:
            self.renew()
        wait(ready)
        return self

    def command(self, kind, **parameters):
        with Socket(f"ws://127.0.0.1:{self.port}/api/websocket", self.token) as s:
            return s.command(kind, **parameters)

    def restarts(self, act):
        """Does what makes it start again, and waits until it has."""
        before = self.starts()
        result = act()
        wait(lambda: self.starts() > before, 400)
        self.running()
        return result

    def close(self):
        """Its processes die with their namespace, a moment after its first."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        wait(lambda: not self.connects())


class Socket:
    """The frontend's WebSocket, logged in."""

    def __init__(self, url, token, **keys):
        from websockets.sync.client import connect  # noqa: PLC0415 (only here)
        self.socket, self.id = connect(url, max_size=None, open_timeout=60, **keys), 0
        self.first = self.receive()
        self.socket.send(json.dumps({"type": "auth", "access_token": token}))
        self.second = self.receive()

    def receive(self):
        return json.loads(self.socket.recv(timeout=60))

    def command(self, kind, **parameters):
        self.id += 1
        self.socket.send(json.dumps({"id": self.id, "type": kind, **parameters}))
        while (answer := self.receive()).get("id") != self.id or answer["type"] != "result":
            pass
        assert answer["success"], answer
        return answer["result"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

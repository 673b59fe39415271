# SPDX-License-Identifier: LGPL-2.1-or-later
"""A start with broken files: of the last good configuration, which hagw-ctl keeps as root, that is served which nobody can have
meant to close since. hagw-ctl as it is, hagw-proxyd and hagw-dnsd as they are."""

import grp
import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import BUILD
from ctl_tools import CTL, FAILED, PASSWORD, USAGE, ctl  # noqa: F401
from proxyhouse import ProxyHouse, Upstream, echo
from test_webd import start as start_webd

MAIN = 'zones = ( { name = "home.test"; } );\npublic_address: { ipv4 = "none"; ipv6 = "none"; };\n'


def text(name, upstream, login="none"):
    access = 'access: { login = "required"; open_paths = ( "/open" ); };' if login == "required" else 'access: { login = "none"; };'
    return f'name = "{name}.home.test";\nupstream = "{upstream}";\n{access}\n'


class Kept:
    def __init__(self, house, ctl):  # noqa: F811
        self.house, self.ctl = house, ctl
        self.kept = house.root / "kept" / "config"
        self.env = {"HAGW_KEPT_DIR": str(self.kept)}
        ctl.env |= self.env
        self.upstream = Upstream(echo)
        self.proxy = ProxyHouse(house, main=MAIN, env=self.env, **{
            "walled": text("walled", self.upstream.url, "required"), "open": text("open", self.upstream.url)})
        self.proxy.certify("*.home.test")

    def keep(self):
        return self.ctl.ok("config", "keep")

    def start(self):
        self.proxy.start()
        self.proxy.wait(lambda: not self.served() or self.proxy.proxyd_certificates())

    def again(self):
        assert self.proxy.proxyd.stop() == 0
        self.proxy.proxyd.start()

    def describe(self):
        return self.proxy.proxyd.call("io.hagw.Service.Describe")

    def served(self):
        return sorted(h["name"].split(".")[0] for h in self.proxy.proxyd.call("ListHosts")["hosts"])

    def visit(self, name):
        """What a visitor gets who needs no session: the status, or None where nobody answers."""
        try:
            return self.proxy.visit(path="/open", name=f"{name}.home.test").status
        except (ConnectionError, ssl.SSLError, EOFError):
            return None

    def file(self, name):
        return self.house.config / ("hagw.conf" if name == "main" else f"hosts.d/{name}.conf")


@pytest.fixture
def k(house, ctl):  # noqa: F811
    k = Kept(house, ctl)
    yield k
    k.upstream.close()
    k.proxy.close()


def copies(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_keep(k):
    """The files as they are, and nothing else; for root and the daemons alone; a broken one changes nothing."""
    assert "was kept in" in k.keep()
    first = copies(k.kept)
    assert first == copies(k.house.config) and set(first) == {"hagw.conf", "hosts.d/walled.conf", "hosts.d/open.conf"}
    for p in (k.kept, *k.kept.rglob("*"), k.kept.parent):
        assert p.stat().st_mode & 0o027 == 0 and p.stat().st_uid == 0, p
    made = k.kept.stat().st_ino
    assert "is already kept" in k.keep() and k.kept.stat().st_ino == made
    k.file("walled").write_text("name = ")
    said = k.ctl.refused(FAILED, "config", "keep")
    assert "stays kept" in said and f"{k.file('walled')}:1: syntax error" in said
    assert copies(k.kept) == first
    # One more, one less, one other.
    k.file("open").unlink()
    k.file("walled").write_text(text("walled", k.upstream.url))
    k.file("new").write_text(text("new", k.upstream.url))
    k.keep()
    assert copies(k.kept) == copies(k.house.config)
    assert [p.name for p in k.kept.parent.iterdir()] == ["config"]
    # Only the system's own configuration has a place for a copy.
    del k.ctl.env["HAGW_KEPT_DIR"]
    assert "Only the configuration in /" in k.ctl.refused(USAGE, "config", "keep")


def test_keep_is_killed(k):
    """At any instant: the old copy or the new one, whole, and the next one is made all the same."""
    k.keep()
    old = copies(k.kept)
    for i in range(30):
        for n in range(20):
            k.file(f"many{n}").write_text(text(f"many{n}", k.upstream.url) + f"# {i}\n")
        new = copies(k.house.config)
        p = subprocess.Popen([BUILD / "hagw-ctl/hagw-ctl", "--config", k.house.config, "config", "keep"], env=k.ctl.env,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        timer = threading.Timer(i * 0.004, p.send_signal, [signal.SIGKILL])
        timer.start()
        p.wait()
        timer.cancel()
        now = copies(k.kept)
        assert now in (old, new)
        old = now
    k.keep()
    assert copies(k.kept) == new and [p.name for p in k.kept.parent.iterdir()] == ["config"]


def test_broken_host(k):
    """The others serve as before; the broken one is closed, also where its copy would be good."""
    k.keep()
    k.start()
    assert k.served() == ["open", "walled"]
    k.proxy.wait(lambda: k.visit("open") == 200 and k.visit("walled") == 200)
    k.file("walled").write_text(text("walled", k.upstream.url, "required")[:-9])
    k.again()
    assert k.served() == ["open"]
    k.proxy.wait(lambda: k.visit("open") == 200)
    assert k.visit("walled") is None
    d = k.describe()
    assert d["configError"].startswith(f"{k.file('walled')}:") and d["configKeptUSec"] > 0
    assert d["configClosed"] == [f"walled.home.test: {k.file('walled')} was changed since"]
    k.proxy.wait(lambda: "configuration refused: " in k.proxy.proxyd.status)
    # The file is mended: a reload ends it.
    k.file("walled").write_text(text("walled", k.upstream.url, "required"))
    k.proxy.proxyd.reload()
    assert k.served() == ["open", "walled"]
    d = k.describe()
    assert "configError" not in d and "configKeptUSec" not in d and "configClosed" not in d


def test_removed_and_changed_hosts_stay_closed(k):
    """What its owner took away or narrowed since is not opened again by another file's fault."""
    k.keep()
    k.file("open").unlink()
    k.file("walled").write_text(text("walled", k.upstream.url, "required").replace("/open", "/else"))
    k.file("bad").write_text("name")
    k.file("new").write_text(text("new", k.upstream.url))
    k.start()
    assert k.served() == []
    closed = {c.split(": ")[0].rpartition("/")[2]: c for c in k.describe()["configClosed"]}
    assert set(closed) == {"open.home.test", "walled.home.test", "bad.conf", "new.conf"}
    assert closed["open.home.test"].endswith("cannot be read: No such file or directory")
    assert closed["new.conf"].endswith("it was not in force before")


def test_broken_main(k):
    """Only who asks for a login is served."""
    k.keep()
    k.file("main").write_text(MAIN + "lan = (")
    k.start()
    assert k.served() == ["walled"]
    k.proxy.wait(lambda: k.visit("walled") == 200)
    assert k.visit("open") is None
    assert k.describe()["configClosed"] == ["open.home.test: it wants no login, and hagw.conf is broken"]


@pytest.mark.parametrize("left", ["", " \n\n", "# the default file\n#zones = ();\n"])
def test_blank_main(k, left):
    """What a write leaves that was cut short is valid to a parser, and no configuration to anybody whose house it was."""
    k.keep()
    k.start()
    good = (k.kept / "hagw.conf").read_text()
    k.file("main").write_text(left)
    k.proxy.proxyd.reload()
    assert k.served() == ["open", "walled"], "who runs goes on"
    assert "stays kept" in k.ctl.refused(FAILED, "config", "keep") and (k.kept / "hagw.conf").read_text() == good
    assert "there is no setting in it any more" in k.ctl.refused(FAILED, "config", "check")
    k.again()
    assert k.served() == ["walled"]
    s = json.loads(k.ctl.run("--json", "status", "--no-delegation").stdout)
    [said] = [p for p in s["problems"] if "is not valid" in p or "no setting" in p]
    assert f"{k.file('main')}:1: there is no setting in it any more" in said and f"comes back by: cp -p {k.kept}/hagw.conf {k.house.config}/" in said, said
    assert not [p for p in s["problems"] if "no zone" in p or "not set up" in p]
    for words in (["setup", "--yes", "--no-start", "--zone=other.test"], ["host", "add", "x", "http://127.0.0.1:1"]):
        assert "there is no setting in it" in k.ctl.refused(FAILED, *words) and k.file("main").read_text() == left
    k.file("main").write_text(good)
    k.proxy.proxyd.reload()
    assert k.served() == ["open", "walled"] and "configError" not in k.describe()


def test_a_machine_that_was_never_set_up(k):
    """It may have an empty file, or the default one with nothing but comments, for as long as it likes."""
    for name in ("open", "walled"):
        k.file(name).unlink()
    for text_ in ("", k.ctl.ok("config", "default").replace("\n", "\n#").replace("#}", "#"), "# mine\n"):
        k.file("main").write_text("\n".join("#" + line for line in text_.splitlines()))
        k.keep()
        assert "0 zones" in k.ctl.ok("config", "check")
    k.start()
    assert k.served() == [] and "configError" not in k.describe()
    k.file("main").write_text(MAIN)
    k.keep()


def test_unreadable_main(k, hagw_users):
    """By the daemon, that is: a person made it with another umask. (Root without its rights over files stands for the daemon's user.)"""
    k.keep()
    os.chown(k.file("main"), hagw_users["nobody"], -1)
    k.file("main").chmod(0o600)
    k.proxy.start(wrapper=["setpriv", "--bounding-set=-dac_override,-dac_read_search"])
    assert k.served() == ["walled"]
    assert f"{k.file('main')}: Permission denied" in k.describe()["configError"]


@pytest.mark.parametrize("folder", [".", "hosts.d"])
def test_unreadable_folder(k, hagw_users, folder):
    """A person's umask, or a copy that was unpacked without its owners: it starts, and config check, status and host add see it as the daemons do."""
    k.keep()
    path = (k.house.config / folder).resolve()
    os.chown(path, hagw_users["nobody"], 0)
    path.chmod(0o700)
    k.proxy.start(wrapper=["setpriv", "--bounding-set=-dac_override,-dac_read_search"])
    assert k.served() == []
    problem = f"{path}: the daemons cannot look into it; chgrp hagw {path}; chmod g+rx {path}"
    for words in (["config", "check"], ["host", "add", "x", "http://127.0.0.1:1"], ["reload"]):
        assert problem in k.ctl.run(*words).stderr and k.ctl.run(*words).returncode != 0, words
    said = json.loads(k.ctl.run("--json", "status", "--no-delegation").stdout)["problems"]
    assert any(problem in p and "They are in order now" not in p for p in said), said
    subprocess.run(["sh", "-ec", problem.partition("; ")[2]], check=True)
    assert "2 hosts" in k.ctl.ok("config", "check")


def test_a_folder_of_hosts_that_is_gone(k):
    """Who removed it, or unpacked a backup without it: what runs goes on, and the copy is not overwritten with nothing."""
    k.keep()
    k.start()
    hosts = k.house.config / "hosts.d"
    subprocess.run(["rm", "-r", hosts], check=True)
    gone = f"{hosts} is gone, with the hosts in it; the last good one comes back by: cp -rp {k.kept}/hosts.d {k.house.config}/"
    for words in (["config", "check"], ["config", "keep"], ["reload"], ["host", "add", "x", "http://127.0.0.1:1"], ["host", "list"]):
        assert gone in k.ctl.refused(FAILED, *words), words
    assert not hosts.exists() and len(copies(k.kept)) == 3
    k.proxy.proxyd.reload()
    k.proxy.wait(lambda: gone in k.describe().get("configError", ""))
    said = json.loads(k.ctl.run("--json", "status", "--no-delegation").stdout)["problems"]
    assert [p for p in said if p.startswith("The configuration in ") and gone in p] and not [p for p in said if "is newer than" in p], said
    assert k.visit("walled") is not None and k.served() == ["open", "walled"]
    # Of a start: closed is whose file is not there.
    k.again()
    assert k.served() == [] and len(k.describe()["configClosed"]) == 2
    subprocess.run(["sh", "-ec", gone.partition("by: ")[2]], check=True)
    k.ctl.ok("config", "check")
    k.again()
    assert k.served() == ["open", "walled"]


def test_an_unreadable_host(k, hagw_users):
    """One file that the daemons cannot read closes its host, and no other; the copy could be read."""
    k.keep()
    os.chown(k.file("open"), hagw_users["nobody"], 0)
    k.file("open").chmod(0o600)
    k.proxy.start(wrapper=["setpriv", "--bounding-set=-dac_override,-dac_read_search"])
    assert k.served() == ["walled"]
    assert k.describe()["configClosed"] == [f"open.home.test: {k.file('open')} cannot be read: Permission denied"]
    assert k.visit("walled") is not None and k.visit("open") is None


@pytest.mark.parametrize("words", [["host", "add", "x", "http://127.0.0.1:1"], ["setup", "--yes", "--no-start", "--zone=home.test", "--host=x=http://127.0.0.1:1"]])
def test_a_folder_that_is_made_anew(k, hagw_users, words):
    """As the package makes it, whatever the umask is."""
    for f in (k.house.config / "hosts.d").iterdir():
        f.unlink()
    (k.house.config / "hosts.d").rmdir()
    subprocess.run(["sh", "-ec", 'umask 077; exec "$@"', "sh", CTL, "--config", k.house.config, *words], env={**os.environ, **k.ctl.env}, capture_output=True)
    made = (k.house.config / "hosts.d").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o7777) == (0, grp.getgrnam("hagw").gr_gid, 0o750)
    assert (k.house.config / "hosts.d" / "x.home.test.conf").exists()


def test_without_a_copy_it_stays_down(k):
    k.file("main").write_text("zones")
    with pytest.raises(AssertionError, match="did not become ready"):
        k.proxy.start()


def test_who_removes_hagw_conf_means_it(k):
    k.keep()
    k.file("main").unlink()
    with pytest.raises(AssertionError, match="did not become ready"):
        k.proxy.start()


def test_others_may_not_make_it(k):
    """A folder that anybody may write is no copy of root's."""
    k.keep()
    k.kept.chmod(0o777)
    k.file("main").write_text("zones")
    with pytest.raises(AssertionError, match="cannot serve instead: Operation not permitted"):
        k.proxy.start()


def test_users_and_sessions_are_no_part_of_it(k):
    """Somebody who was removed after the copy was made does not come in again."""
    webd = start_webd(k.house, main=MAIN, env=k.env)
    k.house.configure(MAIN, walled=text("walled", k.upstream.url, "required"))
    webd.reload()
    webd.call("AddUser", name="anna", password=PASSWORD, hosts=["*"], groups=[])
    k.keep()
    webd.call("RemoveUser", name="anna")
    k.file("main").write_text("zones")
    assert webd.stop() == 0
    webd.start()
    assert webd.call("io.hagw.Service.Describe")["configKeptUSec"] > 0
    assert webd.call("ListUsers")["users"] == []
    assert not any("users" in name or "session" in name for name in copies(k.kept))


def test_status(k):
    """File, line and reason once; which hosts are served and which are closed; the remedy."""
    k.keep()
    k.file("walled").write_text("name = \"walled.home.test\";\nupstream = 3;\n")
    k.start()
    r = k.ctl.run("status", "--no-delegation")
    assert "open.home.test" in r.stdout.split("Hosts")[1].split("Certificates")[0]
    assert "walled" not in r.stdout.split("Hosts")[1].split("Certificates")[0]
    s = json.loads(k.ctl.run("--json", "status", "--no-delegation").stdout)
    assert [h["name"] for h in s["hosts"]] == ["open.home.test"]
    about = [p for p in s["problems"] if "onfiguration" in p]
    assert len(about) == 1, about
    assert about[0].startswith("hagw started with broken files: ") and "It serves what it kept" in about[0]
    assert f'{k.file("walled")}:2: "upstream" = "3": ' in about[0] and "Mend that, then: hagw-ctl reload." in about[0]
    assert f"Closed: walled.home.test: {k.file('walled')} was changed since." in about[0]


def test_status_where_the_door_started_before(k):
    """hagw-webd alone goes by the copy: for visitors nothing is closed, and that is said."""
    k.keep()
    k.start()
    k.file("walled").write_text("name = \"walled.home.test\";\nupstream = 3;\n")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(k.house.root / "web-socket"))
    listener.listen(8)
    webd = k.house.daemon("webd", "io.hagw.Web", sockets={"web": [listener]}, env=k.env)
    s = json.loads(k.ctl.run("--json", "status", "--no-delegation").stdout)
    about = [p for p in s["problems"] if "onfiguration" in p]
    assert len(about) == 1 and about[0].startswith("hagw-webd started with broken files: ") and "Closed" not in about[0], about
    assert "hagw-proxyd started before, so that visitors find no host closed. Mend that, then: hagw-ctl reload." in about[0]
    assert webd.call("io.hagw.Service.Describe")["configClosed"] and "walled" in k.served()


def test_a_host_whose_file_was_renamed_is_closed_once(k):
    k.keep()
    k.file("walled").rename(k.file("walled.home.test"))
    k.file("open").write_text("name = ")
    k.start()
    closed = k.describe()["configClosed"]
    assert sorted(c.split(": ")[0] for c in closed) == ["open.home.test", "walled.home.test"], closed


def test_status_of_one_that_runs(k):
    """A file that is broken while the daemons run closes nothing; status shows what is in force."""
    k.start()
    k.file("main").write_text("zones")
    k.proxy.proxyd.reload()
    s = json.loads(k.ctl.run("--json", "status", "--no-delegation").stdout)
    assert [h["name"] for h in s["hosts"]] == ["open.home.test", "walled.home.test"]
    [said] = [p for p in s["problems"] if "onfiguration" in p]
    assert f"{k.file('main')}:1: " in said
    k.file("main").write_text(MAIN)
    [said] = [p for p in json.loads(k.ctl.run("--json", "status", "--no-delegation").stdout)["problems"] if "onfiguration" in p]
    assert said.startswith("hagw-proxyd keeps its old configuration: ")

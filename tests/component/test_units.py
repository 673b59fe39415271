# SPDX-License-Identifier: LGPL-2.1-or-later
"""What make install puts where, and that every daemon's unit has the sandbox that it must have. The score of systemd-analyze
does not notice every lost directive, so each stands here by name; docs/security.md shows the same."""

import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT

UNITS = "usr/lib/systemd/system"
# bind@ is no daemon: it is started for a connection.
# Nor is export: it is what root told to be done.
PROGRAMS = sorted({p.stem.removeprefix("hagw-") for p in (ROOT / "units").glob("hagw-*.service")} - {"export"})
# Nor is notify: a timer starts it.
DAEMONS = [d for d in PROGRAMS if "@" not in d and d != "notify"]

# Of all. What a daemon has less of is in OWN, and nothing else may differ.
SANDBOX = {
    "RestartSteps": "6", "RestartMaxDelaySec": "30s",
    "Type": "notify-reload", "Restart": "on-failure", "WatchdogSec": "60s", "UMask": "0077", "LimitCORE": "0",
    "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectSystem": "strict",
    "ProtectHome": "yes", "ProtectProc": "invisible", "ProcSubset": "pid", "ProtectClock": "yes", "ProtectHostname": "yes",
    "ProtectControlGroups": "yes", "ProtectKernelLogs": "yes", "ProtectKernelModules": "yes", "ProtectKernelTunables": "yes",
    "PrivateTmp": "disconnected", "PrivateDevices": "yes", "PrivateIPC": "yes", "PrivateUsers": "identity",
    "PrivateNetwork": "yes", "IPAddressDeny": "any", "DevicePolicy": "closed", "KeyringMode": "private",
    "LockPersonality": "yes", "MemoryDenyWriteExecute": "yes", "RemoveIPC": "yes", "RestrictAddressFamilies": "AF_UNIX",
    "RestrictNamespaces": "yes", "RestrictRealtime": "yes", "RestrictSUIDSGID": "yes", "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM", "SystemCallFilter": "@system-service ~@privileged @resources",
}
INTERNET = {"PrivateNetwork": "no", "IPAddressDeny": ""}
OWN = {
    "netd": {**INTERNET, "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK"},
    "acmed": {**INTERNET, "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6"},
    "proxyd": {**INTERNET, "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6"},
    "bind@": {**INTERNET, "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6", "Type": "exec", "Restart": "no", "WatchdogSec": "0",
              "PrivateUsers": "no", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE", "AmbientCapabilities": "CAP_NET_BIND_SERVICE",
              "SocketBindAllow": "53 1024-65535", "SocketBindDeny": "any", "StandardInput": "socket", "RuntimeMaxSec": "1min"},
}
# For the system's mail programs and for commands.
OWN["notify"] = {**INTERNET, "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK", "Type": "oneshot", "Restart": "no",
                 "WatchdogSec": "0", "NoNewPrivileges": "no", "PrivateUsers": "no", "RestrictSUIDSGID": "no", "ProtectSystem": "full",
                 "CapabilityBoundingSet": "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SETGID CAP_SETUID",
                 "SystemCallFilter": "@system-service", "MemoryDenyWriteExecute": "no"}
EXPOSURE = {"dnsd": 0.3, "keyd": 0.3, "webd": 0.3, "tenantd": 0.3, "proxyd": 1.1, "acmed": 1.2, "netd": 1.2, "bind@": 1.5, "notify": 2.6}
# A list of which each line adds to the one before; an empty line begins it anew.
LISTS = {"RestrictAddressFamilies", "SystemCallFilter", "IPAddressDeny", "CapabilityBoundingSet", "AmbientCapabilities",
         "SocketBindAllow"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root folder with hagw installed as a package would, and the units of systemd that ours refer to."""
    folder = tmp_path_factory.mktemp("root")
    install = ["make", "-s", "-C", BUILD, "install", f"DESTDIR={folder}", "prefix=/usr", "sysconfdir=/etc", f"systemdunitdir=/{UNITS}"]
    r = subprocess.run(install, capture_output=True, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    for pattern in ("*.target", "*.slice", "systemd-journald*.socket"):
        for unit in pathlib.Path("/", UNITS).glob(pattern):
            if unit.is_file():
                shutil.copy(unit, folder / UNITS)
    (folder / "etc").mkdir(exist_ok=True)
    return folder


def test_the_guides_are_installed(root):
    """Where hagw(7) says that they are, with what their links lead to; debian/rules leaves them uncompressed."""
    docs = root / "usr/share/doc/hagw"
    for guide in ("README.md", "docs/relay.md", "docs/security.md", "docs/troubleshooting.md"):
        text = (docs / guide).read_text()
        assert text == (ROOT / guide).read_text()
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            assert "://" in link or (docs / guide).parent.joinpath(link).exists(), (guide, link)
    assert "share/doc/hagw" in (ROOT / "man/hagw.7").read_text()
    assert re.search(r"dh_compress( -X\.(md|svg|png)){3}$", (ROOT / "debian/rules").read_text(), re.M)


def parse(text):
    """Sections of a unit: {section: [(name, value)]}."""
    sections, at = {}, None
    for line in text.replace("\\\n", " ").split("\n"):
        if re.match(r"\[.*\]$", line):
            at = sections.setdefault(line[1:-1], [])
        elif line and line[0] not in "#;":
            name, value = line.split("=", 1)
            at.append((name.strip(), value.strip()))
    return sections


def service(root, daemon):
    """The unit's [Service] as systemd puts it together: the unit, then the drop-ins by name (systemd.unit(5))."""
    unit = f"hagw-{daemon}.service"
    drop_ins = [p for folder in ("hagw-.service.d", f"{unit}.d") for p in (root / UNITS / folder).glob("*.conf")]
    result = {}
    for file in [root / UNITS / unit, *sorted(drop_ins, key=lambda p: p.name)]:
        for name, value in parse(file.read_text()).get("Service", []):
            result[name] = f"{result[name]} {value}" if name in LISTS and value and result.get(name) else value
    return result


@pytest.mark.parametrize("daemon", PROGRAMS)
def test_sandbox(root, daemon):
    shown = service(root, daemon)
    expected = {**SANDBOX, **OWN.get(daemon, {})}
    found = {name: shown.get(name) for name in expected}
    for settings in (found, expected):
        settings["RestrictAddressFamilies"] = set(settings["RestrictAddressFamilies"].split())
    assert found == expected
    name = daemon.rstrip("@")
    assert shown["User"] == f"hagw-{name}" and shown["ExecStart"].split()[0] == f"/usr/lib/hagw/hagw-{name}"
    assert shown.get("MemoryMax"), "a flood takes no more than one daemon along"
    state = shown.get("StateDirectory")
    assert state in (None, f"hagw-{daemon}") and (state is None or shown["StateDirectoryMode"] == "0700")
    assert daemon not in ("dnsd", "proxyd") or state is None, "what faces the internet writes nothing"


@pytest.mark.parametrize("daemon", PROGRAMS)
def test_what_runs_as_root(root, daemon):
    """One step of two units; the daemon's may fail."""
    shown = service(root, daemon)
    steps = {name: value for name, value in shown.items() if name.startswith("Exec") and name != "ExecStart"}
    keep = "-+/usr/bin/hagw-ctl config keep"
    gather = "+/usr/bin/hagw-ctl notify gather"
    assert steps == {"proxyd": {"ExecStartPre": keep, "ExecReload": keep}, "notify": {"ExecCondition": gather}}.get(daemon, {})
    assert (root / "usr/bin/hagw-ctl").exists()


def test_export(root):
    """Root's own, without the fence, and only where root has something exported."""
    shown = service(root, "export")
    assert {n: v for n, v in shown.items() if n.startswith("Exec")} == {"ExecStart": "+/usr/bin/hagw-ctl cert export --renewed"}
    assert {n: shown[n] for n in ("Type", "Restart", "WatchdogSec", "PrivateNetwork", "PrivateIPC", "IPAddressDeny", "DevicePolicy")} == {
        "Type": "oneshot", "Restart": "no", "WatchdogSec": "0", "PrivateNetwork": "no", "PrivateIPC": "no", "IPAddressDeny": "", "DevicePolicy": "auto"}
    assert "User" not in shown
    for unit in ("hagw-export.service", "hagw-export.timer"):
        assert dict(parse((root / UNITS / unit).read_text())["Unit"])["ConditionPathExists"] == "/var/lib/hagw/exports.json"


@pytest.mark.parametrize("daemon", PROGRAMS)
def test_exposure(root, daemon):
    r = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", f"--root={root}", f"hagw-{daemon}{'1' if '@' in daemon else ''}.service"],
                       capture_output=True, text=True)
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", r.stdout)
    assert exposure and float(exposure[1]) <= EXPOSURE[daemon], r.stdout + r.stderr
    row = re.search(rf"^\| `hagw-{daemon.rstrip('@')}` \| ([0-9.]+) \|", (ROOT / "docs" / "security.md").read_text(), re.M)
    assert row and float(row[1]) == float(exposure[1]), f"docs/security.md has the figure, {exposure[1]}"


def test_units_are_valid(root):
    units = [root / UNITS / p.name for p in (ROOT / "units").glob("hagw*.*") if p.suffix in (".service", ".socket", ".target", ".timer")]
    units = [u.with_name(u.name.replace("@.", "@192.0.2.1.")) if "@." in u.name else u for u in units]
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}", *(str(u.relative_to(root / UNITS)) for u in units)],
                       capture_output=True, text=True)
    assert r.returncode == 0 and r.stderr == "", r.stderr


def test_target_wants_everything(root):
    """Enabling hagw.target is enough: it wants each unit that is no template, and what it wants ends with it. hagw-tenantd is for
    relays, and started by who connects to its socket."""
    wants = {p.name for p in (root / UNITS / "hagw.target.wants").iterdir()}
    ours = {p.name for p in (ROOT / "units").iterdir() if p.suffix in (".service", ".socket", ".timer") and "@" not in p.name}
    assert wants == ours - {"hagw-tenantd.service", "hagw-notify.service", "hagw-export.service"}
    for name in {*ours, *(p.name for p in (ROOT / "units").glob("*@.*") if p.is_file())}:
        unit = dict(parse((root / UNITS / name).read_text())["Unit"])
        assert unit.get("PartOf") == "hagw.target", name
        assert unit["Documentation"].startswith("man:hagw-"), name


@pytest.mark.parametrize("socket", sorted(p.name for p in (ROOT / "units").glob("*.socket")))
def test_sockets(root, socket):
    keys = parse((root / UNITS / socket).read_text())["Socket"]
    shown = dict(keys)
    if shown.get("FileDescriptorName") == "varlink":
        assert re.fullmatch(r"/run/hagw/io\.hagw\.[A-Z][a-z]+", shown["ListenStream"])
    if (shown.get("ListenStream") or shown.get("ListenSequentialPacket", "")).startswith("/"):
        daemons = shown.get("SocketGroup") == "hagw" and shown["SocketMode"] == "0660"
        one = shown.get("SocketUser", "") in {f"hagw-{d}" for d in DAEMONS} and shown["SocketMode"] == "0600"
        assert daemons or one, "for root and the daemons alone"
    service = socket.replace(".socket", "@.service" if shown.get("Accept") else ".service")
    assert "Service" in shown or (root / UNITS / service).exists()


def test_ports_can_be_opened_again(root):
    """While systemd gives a socket its owner, the process that does it has every open port of systemd's: a port that is closed
    and opened then would be "in use", and what needs it would fail."""
    units = {p.name: dict(parse((root / UNITS / p.name).read_text())["Socket"]) for p in (ROOT / "units").glob("*.socket")}
    ports = {name: u for name, u in units.items() if not u.get("ListenStream", "/").startswith("/")}
    assert len(ports) == 2 and all(u["ReusePort"] == "yes" for u in ports.values())


def test_every_daemon_is_known_to_the_packages(root):
    sysusers = (root / "usr/lib/sysusers.d/hagw.conf").read_text()
    postrm = (ROOT / "debian" / "hagw.postrm").read_text()
    assert re.search("^u hagw-bind ", sysusers, re.M) and "m hagw-bind" not in sysusers
    assert re.search("^u hagw-notify ", sysusers, re.M) and "m hagw-notify" not in sysusers
    assert re.search(r"^ +for name in .*\bbind notify\b", postrm, re.M)
    assert re.search("rm -rf .*/var/lib/hagw$", postrm, re.M), "the copy of the configuration"
    for daemon in DAEMONS:
        assert re.search(rf"^u hagw-{daemon} ", sysusers, re.M) and f"m hagw-{daemon} hagw" in sysusers
        assert re.search(rf"^ +for name in .*\b{daemon}\b", postrm, re.M)
        assert (root / f"usr/share/man/man8/hagw-{daemon}.8").exists(), "a manual page"
    subprocess.run(["systemd-sysusers", "--dry-run", root / "usr/lib/sysusers.d/hagw.conf"], check=True, capture_output=True)


def script_of(package):
    if package == "deb":
        return (ROOT / "debian" / "hagw.postinst").read_text(), ["configure", "0.1"], ["configure"]
    spec = (ROOT / "rpm" / "hagw.spec").read_text()
    return re.search(r"^%postun\n(.*?)^%", spec, re.M | re.S)[1], ["1"], ["0"]


@pytest.mark.parametrize("package", ["deb", "rpm"])
def test_an_upgrade_says_what_it_waits_for(tmp_path, package):
    """Before it begins to wait, and only where something runs. systemctl is a stand-in that knows what is active."""
    script, upgrade, other = script_of(package)
    for name in ("systemctl", "deb-systemd-invoke"):
        (tmp_path / name).write_text("#!/bin/sh\n"
                                     'case "$*" in *is-active*) exec test "$ACTIVE" = yes;; esac\n'
                                     'case "$*" in *restart*) echo restart;; esac\n')
        (tmp_path / name).chmod(0o755)
    script = script.replace("/run/systemd/system", str(tmp_path)).replace("/etc/systemd/system", str(tmp_path / "etc"))

    def run(arguments, active):
        r = subprocess.run(["sh", "-c", script, "script", *arguments], capture_output=True, text=True, timeout=60,
                           env={"PATH": f"{tmp_path}:/usr/bin:/bin", "ACTIVE": "yes" if active else "no"})
        assert (r.returncode, r.stderr) == (0, "")
        return [line for line in r.stdout.splitlines() if "Restarting hagw:" in line or line == "restart"]
    said = run(upgrade, active=True)
    assert "proxy.drain (30 s)" in said[0] and len(said[0]) <= 80
    assert said[1:] == ([] if package == "deb" else ["restart"]), "debhelper's part follows"
    assert not [line for line in run(upgrade, active=False) + run(other, active=True) if line != "restart"]


def test_other_prefixes(tmp_path):
    r = subprocess.run(["make", "-s", "-C", BUILD, "install-data", f"DESTDIR={tmp_path}", "prefix=/opt/hagw",
                        "systemdunitdir=/opt/hagw/lib/systemd/system"], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    for unit in (tmp_path / "opt/hagw/lib/systemd/system").glob("hagw-*.service"):
        program = "+/opt/hagw/bin/hagw-ctl" if unit.stem == "hagw-export" else "/opt/hagw/lib/hagw/hagw-"
        assert f"ExecStart={program}" in unit.read_text()
        assert "/usr/bin" not in unit.read_text()


def test_no_daemon_is_ever_given_up():
    """However often everything is restarted, by whoever is impatient."""
    for path in [ROOT / "units/hagw-.service.d/50-sandbox.conf", *(ROOT / "units").glob("*.socket"), *(ROOT / "units").glob("*.timer"),
                 ROOT / "units/hagw.target"]:
        unit = re.search(r"^\[Unit\]\n(.*?)(?:^\[|\Z)", path.read_text(), re.M | re.S)
        assert "StartLimitIntervalSec=0\n" in unit[1], path

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl cert export: certificate and key in another program's folder, by root's explicit act, and after each renewal."""

import json
import os
import stat
import subprocess

import pytest

from ctl_tools import FAILED, USAGE, ctl  # noqa: F401
from test_ctl_import import NAME, files, importer  # noqa: F401


@pytest.fixture
def exporter(importer, files, tmp_path):  # noqa: F811
    if os.getuid() != 0:
        pytest.skip("only root exports")
    importer.lists = tmp_path / "lists"
    importer.env["HAGW_EXPORTS_DIR"] = str(importer.lists)
    importer.files, importer.to = files, tmp_path / "to"
    importer.to.mkdir(mode=0o755)
    importer.ok("cert", "import", files["chain.pem"], files["leaf.key"])
    return importer


def renew(ctl):  # noqa: F811
    """Another certificate and key for the same name."""
    ctl.files.certify("again", "middle", NAME, f"subjectAltName=DNS:{NAME}")
    ctl.ok("cert", "import", ctl.files.join("again-chain.pem", "again.pem", "middle.pem"), ctl.files["again.key"])


def fits(ctl, certificate):  # noqa: F811
    """What another program reads: the chain is the certificate's, and the key the chain's."""
    chain = (ctl.to / "fullchain.pem").read_text()
    key = subprocess.run(["openssl", "pkey", "-in", ctl.to / "privkey.pem", "-pubout"], check=True, capture_output=True).stdout
    return chain == open(ctl.files[certificate]).read() and key == ctl.files.openssl("x509", "-in", certificate.replace("-chain", ""), "-noout", "-pubkey")


@pytest.fixture
def chained(exporter):
    exporter.files.join("leaf-chain.pem", "leaf.pem", "middle.pem")
    return exporter


def test_export_and_renewal(chained):
    said = chained.ok("cert", "export", NAME, f"--to={chained.to}", f"--exec=echo done $HAGW_CERTIFICATE >>{chained.to}/log")
    assert "fullchain.pem" in said and fits(chained, "leaf-chain.pem") and (chained.to / "log").read_text() == f"done {NAME}\n"
    for name, mode in (("privkey.pem", 0o600), ("fullchain.pem", 0o644)):
        st = (chained.to / name).stat()
        assert stat.S_IMODE(st.st_mode) == mode and st.st_uid == 0
    assert stat.S_IMODE((chained.lists / "exports.json").stat().st_mode) == 0o600
    shown = chained.ok("cert", "list")
    assert f"\n\n{NAME} is exported with its key to {chained.to} (just now), then: echo done" in shown
    assert chained.json("cert", "list")["exports"][0]["directory"] == str(chained.to)
    # Nothing was renewed: nothing is done.
    before = (chained.to / "privkey.pem").stat()
    assert chained.ok("cert", "export", "--renewed") == "" and (chained.to / "privkey.pem").stat() == before
    renew(chained)
    assert f"{NAME} is exported" in chained.ok("cert", "export", "--renewed")
    assert fits(chained, "again-chain.pem") and (chained.to / "log").read_text() == f"done {NAME}\n" * 2
    assert chained.ok("cert", "export", "--renewed") == ""
    # And no more, once that was said; the files are whoever's they were given to.
    assert "stays" in chained.ok("cert", "export", "--stop", f"--to={chained.to}")
    assert not (chained.lists / "exports.json").exists() and "exported" not in chained.ok("cert", "list")
    chained.ok("cert", "import", chained.files["chain.pem"], chained.files["leaf.key"])
    assert chained.ok("cert", "export", "--renewed") == "" and fits(chained, "again-chain.pem")
    assert "Nothing is exported" in chained.refused(FAILED, "cert", "export", "--stop", f"--to={chained.to}")


def test_failures_are_told_and_tried_again(chained):
    mark = chained.to / "works"
    mark.touch()
    chained.ok("cert", "export", NAME, f"--to={chained.to}", f"--exec=echo no luck; test -e {mark}")
    renew(chained)
    mark.unlink()
    assert "no luck" in chained.refused(FAILED, "cert", "export", "--renewed")
    assert fits(chained, "again-chain.pem"), "the files are there all the same"
    problems = json.loads(chained.run("--json", "status", "--no-delegation").stdout)["problems"]
    problem, = [p for p in problems if "could not be exported" in p]
    assert NAME in problem and str(chained.to) in problem and "ended with status 1: no luck" in problem and "--renewed" in problem
    since = chained.json("cert", "list")["exports"][0]["failingUSec"]
    chained.refused(FAILED, "cert", "export", "--renewed")
    assert chained.json("cert", "list")["exports"][0]["failingUSec"] == since
    assert "last try" in chained.ok("cert", "list")
    mark.touch()
    chained.ok("cert", "export", "--renewed")
    assert "error" not in chained.json("cert", "list")["exports"][0]
    assert "could not be exported" not in chained.run("status", "--no-delegation").stdout
    # Nor is one that is gone forgotten in silence.
    chained.ok("cert", "remove", NAME)
    assert "no such certificate" in chained.refused(FAILED, "cert", "export", "--renewed")


def attention(ctl):  # noqa: F811
    return [p for p in json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["problems"] if "exported" in p]


def test_a_second_export_that_fails_leaves_the_first(chained, tmp_path):
    chained.ok("cert", "export", NAME, f"--to={chained.to}")
    for option in ("--exec=false", "--owner=stranger"):
        said = " ".join(chained.refused(FAILED, "cert", "export", NAME, f"--to={chained.to}", option).split())
        assert "The export there was before goes on at renewals, as hagw-ctl cert list shows it." in said and "either" not in said, said
    row, = chained.json("cert", "list")["exports"]
    assert "command" not in row and "owner" not in row
    renew(chained)
    chained.ok("cert", "export", "--renewed")
    assert fits(chained, "again-chain.pem")
    (tmp_path / "second").mkdir()
    said = chained.refused(FAILED, "cert", "export", NAME, f"--to={tmp_path}/second", "--exec=false")
    assert "It is not exported at renewals either." in " ".join(said.split())


def test_an_export_that_is_gone(chained):
    """Told before anything was renewed, and written again."""
    chained.ok("cert", "export", NAME, f"--to={chained.to}")
    assert attention(chained) == []
    (chained.to / "privkey.pem").unlink()
    said, = attention(chained)
    assert f"The certificate {NAME} is exported to {chained.to}, and its files are not there any more: \"hagw-ctl cert export --renewed\"" in said
    assert f"{NAME} is exported" in chained.ok("cert", "export", "--renewed") and fits(chained, "leaf-chain.pem") and attention(chained) == []
    chained.to.rename(chained.to.with_name("elsewhere"))
    said, = attention(chained)
    assert "that folder is not there any more: when the folder is made again," in said and f"--stop --to={chained.to}" in said
    chained.refused(FAILED, "cert", "export", "--renewed")
    said, = attention(chained)
    assert "could not be exported" in said and "No such file" in said
    chained.to.mkdir(mode=0o755)
    chained.ok("cert", "export", "--renewed")
    assert fits(chained, "leaf-chain.pem") and attention(chained) == []


def test_a_command_may_take_the_files_away(chained):
    chained.ok("cert", "export", NAME, f"--to={chained.to}", f"--exec=cd {chained.to}; cat *.pem >both; rm *.pem")
    assert not (chained.to / "privkey.pem").exists() and attention(chained) == []
    assert chained.ok("cert", "export", "--renewed") == ""


def test_owner_and_mode(chained):
    chained.ok("cert", "export", NAME, f"--to={chained.to}", "--owner=nobody:daemon", "--mode=0640")
    st = (chained.to / "privkey.pem").stat()
    uid, gid = (int(subprocess.run(["id", *w], capture_output=True, text=True).stdout) for w in (["-u", "nobody"], ["-g", "daemon"]))
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (uid, gid, 0o640)
    for mode in ("0644", "0660", "777", "", "x", "0200"):
        chained.refused(USAGE, "cert", "export", NAME, f"--to={chained.to}", f"--mode={mode}")
    assert "no user" in chained.refused(FAILED, "cert", "export", NAME, f"--to={chained.to}", "--owner=stranger")
    assert "no group" in chained.refused(FAILED, "cert", "export", NAME, f"--to={chained.to}", "--owner=:stranger")
    # The folder may be the owner's.
    os.chown(chained.to, uid, 0)
    chained.ok("cert", "export", NAME, f"--to={chained.to}", "--owner=nobody")
    assert "can be changed by others" in chained.refused(FAILED, "cert", "export", NAME, f"--to={chained.to}")


@pytest.mark.parametrize("what", ["folder writable by all", "folder of another", "parent writable by all", "parent of another"])
def test_folders_that_others_can_change(chained, what):
    """Whoever can put another folder, or a link, in its place would get the key."""
    inner = chained.to / "inner"
    inner.mkdir(mode=0o755)
    victim = inner if what.startswith("folder") else chained.to
    if "writable" in what:
        victim.chmod(0o777)
    else:
        os.chown(victim, 65534, 0)
    assert "can be changed by others" in chained.refused(FAILED, "cert", "export", NAME, f"--to={inner}")
    assert list(inner.iterdir()) == [] and not (chained.lists / "exports.json").exists()


def test_a_folder_that_became_a_link(chained, tmp_path):
    chained.ok("cert", "export", NAME, f"--to={chained.to}")
    (tmp_path / "elsewhere").mkdir()
    chained.to.rename(tmp_path / "before")
    chained.to.symlink_to(tmp_path / "elsewhere")
    renew(chained)
    chained.refused(FAILED, "cert", "export", "--renewed")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_refusals(chained, tmp_path):
    chained.refused(USAGE, "cert", "export", NAME)
    chained.refused(USAGE, "cert", "export", f"--to={chained.to}")
    chained.refused(USAGE, "cert", "export", NAME, f"--to={chained.to}", "--exec=")
    chained.refused(USAGE, "cert", "export", NAME, f"--to={chained.to}", "--exec=" + "x" * 1025)
    assert "No such file" in chained.refused(FAILED, "cert", "export", NAME, f"--to={tmp_path}/nowhere")
    assert "did you mean" in chained.refused(FAILED, "cert", "export", NAME + "x", f"--to={chained.to}")
    assert "failed" in chained.refused(FAILED, "cert", "export", NAME, f"--to={chained.to}", "--exec=exit 3")
    assert not (chained.lists / "exports.json").exists()
    chained.ok("cert", "export", NAME, f"--to={chained.to}")
    chained.files.certify("two", "middle", "two.test", "subjectAltName=DNS:two.test")
    chained.ok("cert", "import", chained.files["two.pem"], chained.files["two.key"])
    assert "a folder of its own" in chained.refused(FAILED, "cert", "export", "two.test", f"--to={chained.to}")
    for i in range(63):
        (tmp_path / f"d{i}").mkdir()
    row = chained.json("cert", "list")["exports"][0]
    (chained.lists / "exports.json").write_text(json.dumps([row] + [{**row, "directory": str(tmp_path / f"d{i}")} for i in range(63)]))
    (tmp_path / "one-more").mkdir()
    assert "64 exports already" in chained.refused(FAILED, "cert", "export", NAME, f"--to={tmp_path}/one-more")


def test_only_keys_for_tls(chained):
    """The key of an account is in hagw-keyd's folder as well, and leaves it by no mistake."""
    state = chained.house.root / "state" / "keyd"
    key = next(p for p in state.glob("*.key") if "Imported: yes" in p.read_text())
    key.write_text(key.read_text().replace("Purpose: tls", "Purpose: account"))
    assert "another key" in chained.refused(FAILED, "cert", "export", NAME, f"--to={chained.to}")
    assert not (chained.to / "privkey.pem").exists()
